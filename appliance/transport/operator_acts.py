"""What an operator may have done, as one call: every door for people leads here, and none has a rule of its own."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.orders import ClientOrderId, OrderState

from appliance.domain.intents import AgentId
from appliance.domain.operators import Person
from appliance.domain.trading_state import GLOBAL, Scope, TradingState
from appliance.service.agents import AgentRefused
from appliance.service.archive import NoSuchPlace
from appliance.service.core import Core
from appliance.service.history import UnknownPlace
from appliance.service.insights import NotPosted
from appliance.service.limit_book import LimitRefused
from appliance.service.notices import NoNotice
from appliance.service.operators import OperatorRefusedChange
from appliance.service.outcomes import Held, Outcome, Placed, Refused
from appliance.service.passwords import PasswordRefused
from appliance.service.reports import NotUnknown
from appliance.service.scopes import UnknownScope, scope_from_text
from appliance.service.second_factors import FactorRefused
from appliance.service.venue_watch import NotFit
from appliance.store.credentials import CredentialsUnavailable
from appliance.store.journal import JournalUnavailable
from appliance.telemetry.meter import CONTENT_TYPE, snapshot
from appliance.transport import account_wire
from appliance.transport import operator_results as results
from appliance.transport import operator_views as views
from appliance.transport import operator_wire as wire
from appliance.transport.account_acts import account_act
from appliance.transport.decision_acts import (
    VerbRefused,
    decide_on_limits,
    decide_on_proposals,
    refusal_text,
)
from appliance.transport.foreign_text import printable
from appliance.transport.insight_acts import insight_acts
from appliance.transport.looking_back import look_back
from appliance.transport.notice_acts import notice_act
from appliance.transport.venue_views import venues_view

__all__ = ["REFUSALS", "NotAllowed", "OperatorActs", "VerbRefused"]


class NotAllowed(VerbRefused):
    """The person's role does not cover it."""


REFUSALS: tuple[type[Exception], ...] = (
    VerbRefused,
    AgentRefused,
    CredentialsUnavailable,
    FactorRefused,
    JournalUnavailable,
    LimitRefused,
    NoNotice,
    NotFit,
    NotUnknown,
    NotPosted,
    NoSuchPlace,
    OperatorRefusedChange,
    PasswordRefused,
    UnknownPlace,
    UnknownScope,
)
"""What an act raises when it is not done; the message of each is the operator's answer. All else is a fault of ours."""


class OperatorActs:
    """Carries out verbs. Every act of a person is journaled, with their name, by the service that does it."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def carry_out(self, verb: wire.AnyVerb, person: Person, factor: str = "") -> Struct | list[Struct]:
        """Do what was asked, in the name of `person`, whom the door has recognised; their role must cover the verb.

        `factor` is the second factor that the door had them prove for exactly this act; empty where it asked for none.
        Raises one of `REFUSALS` when it is not done; the message is the operator's answer.
        """
        if not person.role.covers(verb.needs):
            raise NotAllowed(f"{person.name} is {person.role} here; this needs {verb.needs}")
        if isinstance(verb, wire.ApprovalVerb):
            return await decide_on_proposals(self._core, verb, person, factor)
        if isinstance(verb, wire.LimitVerb):
            return await decide_on_limits(self._core, verb, person, factor)
        if isinstance(verb, wire.LookBackVerb | wire.InsightVerb):
            return await self._data(verb, person)
        if isinstance(verb, account_wire.AccountVerb):
            return await account_act(self._core.operators, verb, person)
        return await self._carry_out(verb, person)

    async def _carry_out(self, verb: wire.OtherVerb, person: Person) -> Struct | list[Struct]:
        match verb:
            case wire.ShowStatus():
                return views.status_view(self._core)
            case wire.ShowPortfolio():
                return views.portfolio_view(self._core)
            case wire.AddAgent() | wire.ListAgents() | wire.RevokeAgent():
                return await self._agents(verb, person)
            case wire.ListOrders() | wire.CancelOrder() | wire.CancelAllOrders() | wire.ResolveOrder():
                return await self._orders(verb, person)
            case wire.ShowMetrics() | wire.ExposeMetrics():
                return self._figures(verb)
            case wire.ListNotices() | wire.TryNotifier() | wire.ResendNotice() | wire.DismissNotice():
                return await notice_act(self._core, verb, person)
            case wire.ListSettings():
                return [
                    results.SettingView(name=it.name, value=it.value, unit=it.unit, origin=it.origin)
                    for it in self._core.settings
                ]
            case wire.ListVenues():
                return venues_view(self._core)
            case wire.AcceptDrift(venue=venue, reason=reason):
                return await self._accept_drift(venue, person, printable(reason, 200))
            case wire.HaltTrading() | wire.RestrictTrading() | wire.ResumeTrading():
                return await self._trading(verb, person, printable(verb.reason, 200))

    async def _data(self, verb: wire.LookBackVerb | wire.InsightVerb, person: Person) -> Struct:
        """What is only read back, or only written down."""
        try:
            if isinstance(verb, wire.LookBackVerb):
                return await look_back(self._core, verb)
            return await insight_acts(self._core, verb, person)
        except (NoSuchPlace, NotPosted) as fault:
            raise VerbRefused(str(fault)) from fault

    def _figures(self, verb: wire.ShowMetrics | wire.ExposeMetrics) -> Struct:
        meter = self._core.telemetry.meter
        if isinstance(verb, wire.ShowMetrics):
            return snapshot(meter, self._core.clock())
        return results.Exposition(content_type=CONTENT_TYPE, text=meter.text().decode())

    async def _trading(
        self, verb: wire.HaltTrading | wire.RestrictTrading | wire.ResumeTrading, person: Person, reason: str
    ) -> Struct:
        core = self._core
        match verb:
            case wire.HaltTrading():
                return results.Halted(orders_cancelled=await core.stop_trading(person.name, reason))
            case wire.RestrictTrading(scope=text, state=state):
                scope = scope_from_text(text, core.state, core.places)
                if not await core.halt.restrict(person.name, reason, scope, TradingState(state)):
                    raise VerbRefused(f"{scope} is as strict as {state} already; readytrader resume loosens it")
            case wire.ResumeTrading(scope=text):
                narrowed = _narrowed(core)
                if text not in narrowed:
                    raise VerbRefused(f"{text!r} is not narrowed; narrowed are {', '.join(narrowed) or 'none'}")
                await core.halt.resume(person.name, reason, Scope(text))
        return results.Done()

    async def _accept_drift(self, venue: str, person: Person, reason: str) -> Struct:
        watch = next((one for one in self._core.venues if one.line.venue_id == venue), None)
        if watch is None:
            raise VerbRefused(f"no live venue {venue!r}")
        accepted = await watch.accept_drift(person.name, reason)
        if not accepted:
            raise VerbRefused(f"no balance at {venue} differs from the journal: there is nothing to accept")
        return results.Accepted(assets=accepted)

    async def _agents(
        self, verb: wire.AddAgent | wire.ListAgents | wire.RevokeAgent, person: Person
    ) -> Struct | list[Struct]:
        agents = self._core.agents
        match verb:
            case wire.ListAgents():
                return [views.agent_view(agent, self._core) for agent in self._core.state.agents.values()]
            case wire.RevokeAgent(name=name):
                await agents.revoke(AgentId(name), person.name)
                return results.Done()
            case wire.AddAgent(name=name, scopes=scopes, days=days, symbols=symbols):
                allowed = None if symbols is None else frozenset(Symbol(symbol) for symbol in symbols)
                unknown = sorted((allowed or frozenset()) - self._core.state.instruments.keys())
                if unknown:
                    raise VerbRefused(f"no instrument {', '.join(map(repr, unknown))}")
                token = await agents.add(name, scopes, timedelta(days=days), person.name, allowed)
                return results.NewAgent(name=name, token=token)

    async def _orders(
        self, verb: wire.ListOrders | wire.CancelOrder | wire.CancelAllOrders | wire.ResolveOrder, person: Person
    ) -> Struct | list[Struct]:
        orders = self._core.orders
        match verb:
            case wire.ListOrders(symbol=symbol, live_only=live_only, limit=limit):
                of = None if symbol is None else Symbol(symbol)
                found = orders.live(None, of)[:limit] if live_only else orders.recent(None, of, limit)
                return [views.operator_order(order) for order in found]
            case wire.CancelOrder(order_id=order_id):
                outcome = await orders.cancel(ClientOrderId(order_id), None, person.name)
                return views.operator_order(_placed(outcome).order)
            case wire.ResolveOrder(order_id=order_id, state=resolution, reason=reason):
                said = printable(reason, 200)
                became = OrderState(resolution)
                order = await self._core.reports.persons_word(ClientOrderId(order_id), became, person.name, said)
                return views.operator_order(order)
            case wire.CancelAllOrders():
                outcomes = await orders.cancel_all(None, person.name)
                return results.Halted(orders_cancelled=sum(isinstance(outcome, Placed) for outcome in outcomes))


def _placed(outcome: Outcome) -> Placed:
    if isinstance(outcome, Refused):
        raise VerbRefused(refusal_text(outcome))
    if isinstance(outcome, Held):
        raise VerbRefused("a rule asks for a person again; look at the new state of the proposal")
    return outcome


def _narrowed(core: Core) -> tuple[str, ...]:
    """Scopes that can be resumed; a halt file that is not latched yet narrows everything."""
    names = [name for name, it in core.state.scopes.items() if it.state is not TradingState.ACTIVE]
    return tuple(dict.fromkeys([*names, *([GLOBAL] if core.halt.is_halted() else [])]))
