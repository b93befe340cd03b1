"""What an admin may do to operators' accounts."""

from __future__ import annotations

from msgspec import Struct

from appliance.domain.operators import Person
from appliance.service.operator_records import Account
from appliance.service.operators import Operators
from appliance.transport import account_wire
from appliance.transport import operator_results as results


async def account_act(operators: Operators, verb: account_wire.AccountVerb, person: Person) -> Struct | list[Struct]:
    """Carry one out.

    Raises `OperatorRefusedChange`, `PasswordRefused`, `FactorRefused`, `CredentialsUnavailable` and
    `JournalUnavailable`.
    """
    match verb:
        case account_wire.ListOperators():
            return [operator_view(operators, account) for account in operators.all()]
        case account_wire.AddOperator(username=username, role=role, password=password, uid=uid):
            await operators.add(username, role, password, uid, person.name)
        case account_wire.SetOperatorRole(username=username, role=role):
            await operators.set_role(username, role, person.name)
        case account_wire.BindOperator(username=username, uid=uid):
            await operators.bind(username, uid, person.name)
        case account_wire.SetOperatorPassword(username=username, password=password):
            await operators.set_password(username, password, person.name)
        case account_wire.BeginCodes(username=username):
            secret, uri = operators.begin_codes(username)
            return results.NewCodes(secret=secret, uri=uri)
        case account_wire.ConfirmCodes(username=username, code=code):
            await operators.factors.confirm_codes(username, code, person.name)
        case account_wire.ChangeOperator(username=username, change=change):
            await _change(operators, username, change, person.name)
    return results.Done()


async def _change(operators: Operators, username: str, change: account_wire.OperatorDeed, by: str) -> None:
    match change:
        case account_wire.OperatorDeed.DISABLE:
            await operators.disable(username, by)
        case account_wire.OperatorDeed.ENABLE:
            await operators.enable(username, by)
        case account_wire.OperatorDeed.FORGET_FACTORS:
            await operators.remove_factors(username, by)
        case account_wire.OperatorDeed.UNLOCK:
            await operators.unlock(username, by)


def operator_view(operators: Operators, account: Account) -> results.OperatorView:
    """An account as an admin sees it."""
    has_codes, passkeys = operators.factors.had(account.username)
    return results.OperatorView(
        username=account.username,
        role=account.role,
        uid=account.uid,
        totp=has_codes,
        passkeys=passkeys,
        created_at=account.created_at,
        disabled_at=account.disabled_at,
    )
