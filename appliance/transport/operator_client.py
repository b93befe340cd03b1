"""The command line's end of the operator's socket: plain calls that return values, or say in one line what is wrong."""

from __future__ import annotations

import socket
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from appliance.domain.agents import AgentScope
from appliance.domain.events import ProposalState
from appliance.domain.operators import Role
from appliance.telemetry.figures import Snapshot
from appliance.transport import account_wire, approval_results, limit_results, notice_results
from appliance.transport import operator_results as results
from appliance.transport import operator_wire as wire
from appliance.transport.looking_back import TradesView

TIMEOUT_S = 30.0
"""Longer than any verb takes: an approval waits for the venue's first word."""

ResultT = TypeVar("ResultT")


class NoDaemon(Exception):
    """No daemon answers at the socket. The message names it."""


class OperatorRefused(Exception):
    """The daemon did not do it. The message is its reason."""


class OperatorClient:
    """One connection. Every call raises `OperatorRefused` with the daemon's reason, and `NoDaemon` when it is gone."""

    def __init__(self, path: Path, timeout_s: float = TIMEOUT_S) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        try:
            self._socket.connect(str(path))
        except OSError as fault:
            self._socket.close()
            advice = "" if isinstance(fault, PermissionError) else "; start one with: readytrader serve"
            raise NoDaemon(f"no daemon answers at {path} ({fault.strerror or fault}){advice}") from fault
        self._file = self._socket.makefile("rb")

    def status(self) -> results.StatusView:
        return self._ask(wire.ShowStatus(), results.StatusView)

    def portfolio(self) -> results.PortfolioView:
        return self._ask(wire.ShowPortfolio(), results.PortfolioView)

    def approvals(self) -> list[approval_results.ApprovalDetail]:
        """What waits for a person, oldest first."""
        return self._ask(wire.ListApprovals(), list[approval_results.ApprovalDetail])

    def approval(self, request_id: str) -> approval_results.ApprovalDetail:
        """One proposal with the token that lets whoever asks agree to exactly what it shows."""
        return self._ask(wire.ShowApproval(request_id=request_id), approval_results.ApprovalDetail)

    def approve(self, request_id: str, confirm_token: str) -> approval_results.ApprovalOutcome:
        """Agree; the order as far as it got, or that another person must agree too."""
        verb = wire.Approve(request_id=request_id, confirm_token=confirm_token)
        return self._ask(verb, approval_results.ApprovalOutcome)

    def refuse(self, request_id: str, reason: str) -> approval_results.ApprovalOutcome:
        return self._ask(wire.RefuseApproval(request_id=request_id, reason=reason), approval_results.ApprovalOutcome)

    def decided(
        self, state: ProposalState | None = None, limit: int = 50, before: str | None = None
    ) -> approval_results.ApprovalPage:
        """Proposals of one state or all, the newest first."""
        return self._ask(wire.ListDecided(state=state, limit=limit, before=before), approval_results.ApprovalPage)

    def limits(self) -> limit_results.LimitsView:
        """What holds, what waits, and what was changed."""
        return self._ask(wire.ListLimits(), limit_results.LimitsView)

    def usage(self) -> limit_results.UsageView:
        """How much of every limit on the portfolio is used."""
        return self._ask(wire.ShowUsage(), limit_results.UsageView)

    def tighten(self, name: str, value: str, reason: str) -> limit_results.ChangeView:
        return self._ask(wire.TightenLimit(name=name, value=value, reason=reason), limit_results.ChangeView)

    def loosen(self, name: str, value: str, reason: str, code: str) -> limit_results.ChangeView:
        """Ask that a limit allow more; `code` is a one-time code of the account that this user is bound to."""
        verb = wire.LoosenLimit(name=name, value=value, reason=reason, code=code)
        return self._ask(verb, limit_results.ChangeView)

    def confirm_loosening(self, change_id: str, code: str) -> limit_results.ChangeView:
        """Want another person's loosening too."""
        return self._ask(wire.ConfirmLoosening(change_id=change_id, code=code), limit_results.ChangeView)

    def withdraw(self, change_id: str, reason: str) -> None:
        """Take a loosening back before it is due."""
        self._ask(wire.WithdrawChange(change_id=change_id, reason=reason), results.Done)

    def halt(self, reason: str) -> int:
        """Stop trading; how many orders were asked to be cancelled."""
        return self._ask(wire.HaltTrading(reason=reason), results.Halted).orders_cancelled

    def resume(self, reason: str, scope: str = "global") -> None:
        self._ask(wire.ResumeTrading(reason=reason, scope=scope), results.Done)

    def restrict(self, scope: str, state: wire.Restriction, reason: str) -> None:
        """Allow less in one scope than is allowed there now."""
        self._ask(wire.RestrictTrading(scope=scope, state=state, reason=reason), results.Done)

    def venues(self) -> results.VenuesView:
        """Every live venue, and the watchdog process."""
        return self._ask(wire.ListVenues(), results.VenuesView)

    def accept_drift(self, venue: str, reason: str) -> tuple[str, ...]:
        """Take the venue's balances for right; the assets whose balance the journal took over."""
        return self._ask(wire.AcceptDrift(venue=venue, reason=reason), results.Accepted).assets

    def resolve(self, order_id: str, state: wire.Resolution, reason: str) -> results.OperatorOrder:
        """Say what became of an order that nobody could find out about."""
        return self._ask(wire.ResolveOrder(order_id=order_id, state=state, reason=reason), results.OperatorOrder)

    def add_agent(
        self, name: str, scopes: frozenset[AgentScope], days: int, symbols: frozenset[str] | None = None
    ) -> results.NewAgent:
        """Add an agent; its token comes back this once."""
        return self._ask(wire.AddAgent(name=name, scopes=scopes, days=days, symbols=symbols), results.NewAgent)

    def agents(self) -> list[results.AgentView]:
        return self._ask(wire.ListAgents(), list[results.AgentView])

    def revoke_agent(self, name: str) -> None:
        self._ask(wire.RevokeAgent(name=name), results.Done)

    def orders(
        self, symbol: str | None = None, *, live_only: bool = False, limit: int = 50
    ) -> list[results.OperatorOrder]:
        """Orders of all agents: the newest first, or the live ones, oldest first."""
        verb = wire.ListOrders(symbol=symbol, live_only=live_only, limit=limit)
        return self._ask(verb, list[results.OperatorOrder])

    def cancel(self, order_id: str) -> results.OperatorOrder:
        return self._ask(wire.CancelOrder(order_id=order_id), results.OperatorOrder)

    def cancel_all(self) -> int:
        """Cancel everything open, of every agent, without a halt; how many were cancelled."""
        return self._ask(wire.CancelAllOrders(), results.Halted).orders_cancelled

    def metrics(self) -> Snapshot:
        """Every figure of the metrics."""
        return self._ask(wire.ShowMetrics(), Snapshot)

    def exposition(self) -> results.Exposition:
        """The same in Prometheus' text format."""
        return self._ask(wire.ExposeMetrics(), results.Exposition)

    def notices(self, *, failed: bool = False, limit: int = 50) -> list[notice_results.NoticeView]:
        """The newest first; `failed`: those that were given up and that nobody has read."""
        return self._ask(wire.ListNotices(failed=failed, limit=limit), list[notice_results.NoticeView])

    def test_notifier(self, name: str) -> notice_results.Tested:
        """Send a harmless notice through one notifier; whether it was delivered within some seconds."""
        return self._ask(wire.TryNotifier(name=name), notice_results.Tested)

    def resend_notice(self, notice_id: str) -> tuple[str, ...]:
        """Send one that was given up again; through which notifiers."""
        return self._ask(wire.ResendNotice(notice_id=notice_id), notice_results.Resent).to

    def dismiss_notice(self, notice_id: str) -> None:
        """Call one that was given up read."""
        self._ask(wire.DismissNotice(notice_id=notice_id), results.Done)

    def trades(self, symbol: str | None = None, *, limit: int = 50, before: str | None = None) -> TradesView:
        """A page of fills, the newest first."""
        return self._ask(wire.ListTrades(symbol=symbol, limit=limit, before=before), TradesView)

    def operators(self) -> list[results.OperatorView]:
        return self._ask(account_wire.ListOperators(), list[results.OperatorView])

    def add_operator(self, username: str, role: Role, password: str, uid: int | None = None) -> None:
        """Add somebody who may sign in."""
        verb = account_wire.AddOperator(username=username, role=role, password=password, uid=uid)
        self._ask(verb, results.Done)

    def set_operator_role(self, username: str, role: Role) -> None:
        self._ask(account_wire.SetOperatorRole(username=username, role=role), results.Done)

    def set_operator_password(self, username: str, password: str) -> None:
        self._ask(account_wire.SetOperatorPassword(username=username, password=password), results.Done)

    def bind_operator(self, username: str, uid: int | None) -> None:
        """Say which Unix user is this person; None: none is."""
        self._ask(account_wire.BindOperator(username=username, uid=uid), results.Done)

    def begin_operator_codes(self, username: str) -> results.NewCodes:
        """A secret for one-time codes, which counts once a code of it was confirmed."""
        return self._ask(account_wire.BeginCodes(username=username), results.NewCodes)

    def confirm_operator_codes(self, username: str, code: str) -> None:
        self._ask(account_wire.ConfirmCodes(username=username, code=code), results.Done)

    def change_operator(self, username: str, change: account_wire.OperatorDeed) -> None:
        """Disable, enable, unlock, or forget the second factors of an account."""
        self._ask(account_wire.ChangeOperator(username=username, change=change), results.Done)

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _ask(self, verb: wire.AnyVerb, result: type[ResultT]) -> ResultT:
        try:
            self._socket.sendall(msgspec.json.encode(verb) + b"\n")
            line = self._file.readline()
        except OSError as fault:
            raise NoDaemon(f"the daemon at {self._path} does not answer ({fault.strerror or fault})") from fault
        if not line:
            raise NoDaemon(f"the daemon at {self._path} closed the connection")
        reply = msgspec.json.decode(line, type=wire.Reply)
        if not reply.ok:
            raise OperatorRefused(reply.error or "no reason given")
        return msgspec.json.decode(reply.result, type=result)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
