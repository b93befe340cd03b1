"""Mutants of what comes before a venue answers: the checks, the one send, the gate."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

SERVICE = "tests/service"
PIPELINE = "tests/pipeline"
BOUNDARIES = f"{PIPELINE}/test_boundaries.py"
ENQUIRIES = f"{SERVICE}/test_enquiries.py"
OUTCOMES = f"{SERVICE}/test_outcomes_of_sending.py"
WATCHED = f"{SERVICE}/test_venue_watch.py"
GATE = f"{SERVICE}/test_gate.py"

CHECKS = (
    Mutant(
        "orders go to a venue that was not reconciled",
        "appliance/pipeline/checks/__init__.py", "    venue.ready,\n", "",
        WATCHED, "cannot_be_asked_gets_no_order",
    ),
    Mutant(
        "the trading state is not looked at",
        "appliance/pipeline/checks/__init__.py", "    identity.trading_state,\n", "",
        BOUNDARIES, "trading_state",
    ),
    Mutant(
        "entries on top of an order in doubt",
        "appliance/pipeline/checks/__init__.py", "    venue.settled,\n", "",
        ENQUIRIES, "on_top_of_an_order_in_doubt",
    ),
    Mutant(
        "a venue's clock that is behind is as good as one that agrees",
        "appliance/pipeline/checks/venue.py", "abs(skew) <= limit:", "skew <= limit:",
        WATCHED, "clock_is_measured",
    ),
    Mutant(
        "a slow answer hides a clock that is off",
        "appliance/service/venue_clock.py", "min((self.round_trip + grain) / 2, DOUBT_MAX)",
        "(self.round_trip + grain) / 2",
        "tests/service/test_venue_clock.py", "slow_answer",
    ),
    Mutant(
        "what is held elsewhere is no part of the position",
        "appliance/pipeline/levels.py",
        "account.holding.get(asset, ZERO) + account.held_elsewhere.get(asset, ZERO)",
        "account.holding.get(asset, ZERO)",
        BOUNDARIES, "position",
    ),
    Mutant(
        "what is reserved may be spent again",
        "appliance/pipeline/checks/size.py", "account.reserved.get(asset, ZERO),", "ZERO,",
        BOUNDARIES, "size.balance",
    ),
    Mutant(
        "no approval needs to fit what was asked",
        "appliance/pipeline/checks/__init__.py", "    approval.approval_matches,\n", "",
        BOUNDARIES, "approval",
    ),
    Mutant(
        "a check that raises has nothing against it",
        "appliance/pipeline/decide.py", "            denial = _fault(check, fault)\n        if denial",
        "            denial = None\n        if denial",
        f"{PIPELINE}/test_fail_closed.py", "check_that_raises",
    ),
    Mutant(
        "entries are measured by the rules for exits",
        "appliance/pipeline/decide.py", "CEILINGS if case.is_exit else CEILINGS + ENTRY_CEILINGS", "CEILINGS",
        BOUNDARIES, "exposure",
    ),
)  # fmt: skip

SENDING = (
    Mutant(
        "sent before it is written",
        "appliance/service/execution.py",
        "        with self._stages.timed(Stage.RECORD):\n            await durable\n"
        "        try:\n            await self._send(permitted)\n",
        "        try:\n            await self._send(permitted)\n            await durable\n",
        f"{SERVICE}/test_journal_failure.py", "cannot_be_written_is_not_sent",
    ),
    Mutant(
        "sent again when nobody knows",
        "appliance/service/execution.py",
        "            await self._call(venue, permitted)\n        except NotSent",
        "            try:\n                await self._call(venue, permitted)\n            except OutcomeUnknown:\n"
        "                await self._call(venue, permitted)\n        except NotSent",
        ENQUIRIES, "absent_only_when_it_is_old_enough",
    ),
    Mutant(
        "sent again under a new signature, past a gate that forgets",
        "appliance/plugin_host/gate.py", "        self._used[permit.request_id] = permit.expires_at\n", "",
        GATE, "opens_the_gate_once",
    ),
    Mutant(
        "a plugin's word that nothing was sent is believed",
        "appliance/service/execution.py", "            if venue.is_ours:\n", "            if True:\n",
        ENQUIRIES, "nothing_was_sent_is_not_believed",
    ),
    Mutant(
        "an unknown fault proves that nothing was sent",
        "appliance/service/execution.py",
        'await self._lose_sight(client_order_id, "outcome_unknown", fault)',
        "await self._was_not_sent(client_order_id, fault)",
        ENQUIRIES, "absent_only_when_it_is_old_enough",
    ),
    Mutant(
        "an answer about another order is taken for ours",
        "appliance/service/execution.py",
        "        if report.client_order_id != client_order_id:\n", "        if False:\n",
        ENQUIRIES, "answer_about_another",
    ),
    Mutant(
        "an answer that was refused settles the order",
        "appliance/service/execution.py",
        "        if self._state.orders[client_order_id].state is OrderState.PERMITTED:\n", "        if False:\n",
        OUTCOMES, "not_believed_leaves_the_order_in_doubt",
    ),
    Mutant(
        "nobody asks after an order in doubt",
        "appliance/service/execution.py", "        self._enquiries.enquire(client_order_id)\n", "",
        ENQUIRIES, "shows_late_is_found",
    ),
    Mutant(
        "the same key makes another order",
        "appliance/service/desk.py", "            if bound is not None:\n", "            if False:\n",
        f"{SERVICE}/test_idempotency.py", "one_key_make_one_order",
    ),
    Mutant(
        "a cancel may overtake its order",
        "appliance/service/orders.py", "            await self._execution.carried_out(client_order_id)\n",
        "            pass\n",
        OUTCOMES, "cancel_waits_for_the_order",
    ),
    Mutant(
        "an order that has ended is replaced all the same",
        "appliance/service/desk.py", "        if not order.is_live:\n            return refuse(Code.NOT_CANCELLABLE",
        "        if False:\n            return refuse(Code.NOT_CANCELLABLE",
        f"{SERVICE}/test_limits_in_flight.py", "has_ended_cannot_be_replaced",
    ),
)  # fmt: skip

PERMITS = (
    Mutant(
        "the gate does not look at the halt",
        "appliance/plugin_host/gate.py", "        if self._is_halted():\n", "        if False:\n",
        GATE, "halted",
    ),
    Mutant(
        "a permit is good at the instant it expires",
        "appliance/plugin_host/gate.py",
        "        if now >= permit.expires_at:\n", "        if now > permit.expires_at:\n",
        GATE, "until_the_instant_it_expires",
    ),
    Mutant(
        "a permit is for any payload of its name",
        "appliance/plugin_host/gate.py", " or digest(payload) != permit.payload_digest:\n", ":\n",
        GATE, "exactly_one_payload",
    ),
    Mutant(
        "a permit for one venue opens every other",
        "appliance/plugin_host/gate.py", "self._venue is not None and permit.venue != self._venue", "False",
        GATE, "opens_no_other",
    ),
    Mutant(
        "a gate made anew takes its predecessor's permits",
        "appliance/plugin_host/gate.py", "        if permit.issued_at < self._opened_at:\n", "        if False:\n",
        GATE, "predecessor",
    ),
)  # fmt: skip
