"""The acts that need a second factor, each with what binds the proof to it: another act, or other terms, need another.

What can do no harm needs none: refusing, halting, restricting, tightening, cancelling, revoking.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from appliance.domain.agents import AgentScope
from appliance.domain.intents import RequestId
from appliance.domain.operators import Role
from appliance.service.core import Core
from appliance.transport import account_wire
from appliance.transport import operator_wire as wire
from appliance.transport.operator_acts import VerbRefused


class Act(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="act"):
    """Something that is to be done, without the reason and the proof."""


class ApproveAct(Act, frozen=True, kw_only=True, tag="approve"):
    """Bound to the digest and the worst price of the proposal as it is shown now."""

    request_id: wire.Name


class LoosenAct(Act, frozen=True, kw_only=True, tag="loosen"):
    name: wire.LimitName
    value: wire.LimitValue


class ConfirmLooseningAct(Act, frozen=True, kw_only=True, tag="confirm_loosening"):
    """Another person's loosening, whose limit and value its ID stands for."""

    change_id: wire.Name


class ResumeAct(Act, frozen=True, kw_only=True, tag="resume"):
    scope: wire.Scope


class AcceptDriftAct(Act, frozen=True, kw_only=True, tag="accept_drift"):
    venue: wire.Name


class ResolveAct(Act, frozen=True, kw_only=True, tag="resolve"):
    order_id: wire.Name
    state: wire.Resolution


class AddAgentAct(Act, frozen=True, kw_only=True, tag="add_agent"):
    name: wire.Name
    scopes: frozenset[AgentScope]
    days: wire.Days
    symbols: frozenset[str] | None = None


class AddOperatorAct(Act, frozen=True, kw_only=True, tag="add_operator"):
    username: account_wire.Username
    role: Role


class DisableOperatorAct(Act, frozen=True, kw_only=True, tag="disable_operator"):
    username: account_wire.Username


class SetUpCodesAct(Act, frozen=True, kw_only=True, tag="set_up_totp"):
    """Replace an authenticator app."""


class AddPasskeyAct(Act, frozen=True, kw_only=True, tag="add_passkey"):
    """Add a passkey to an account that has a second factor already."""


class RemovePasskeyAct(Act, frozen=True, kw_only=True, tag="remove_passkey"):
    passkey_id: account_wire.CredentialId


AnyAct = (
    ApproveAct
    | LoosenAct
    | ConfirmLooseningAct
    | ResumeAct
    | AcceptDriftAct
    | ResolveAct
    | AddAgentAct
    | AddOperatorAct
    | DisableOperatorAct
    | SetUpCodesAct
    | AddPasskeyAct
    | RemovePasskeyAct
)

_encoder = msgspec.json.Encoder(order="deterministic")


def subject_of(act: Act, core: Core) -> str:
    """What a proof of this act is bound to. Raises `VerbRefused` for a proposal that is not there."""
    if not isinstance(act, ApproveAct):
        return _encoder.encode(act).decode()
    subject = core.approvals.subject(RequestId(act.request_id))
    if subject is None:
        raise VerbRefused(f"no proposal {act.request_id!r}")
    return subject
