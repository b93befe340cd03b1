"""Mutants of what comes after: asking, booking, agreeing with the venue, stopping."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

SERVICE = "tests/service"
ENQUIRIES = f"{SERVICE}/test_enquiries.py"
OUTCOMES = f"{SERVICE}/test_outcomes_of_sending.py"
RECONCILED = f"{SERVICE}/test_reconciliation.py"
WATCHED = f"{SERVICE}/test_venue_watch.py"
STOPPED = f"{SERVICE}/test_stopping.py"

ASKING = (
    Mutant(
        "absent after one look",
        "appliance/service/enquiries.py", "unseen >= self._patience.unseen_min", "unseen >= 1",
        ENQUIRIES, "often_enough",
    ),
    Mutant(
        "absent while it may still be on its way",
        "appliance/service/enquiries.py", " and self._cannot_arrive_any_more(order):\n", ":\n",
        ENQUIRIES, "old_enough",
    ),
    Mutant(
        "a venue that cannot be asked has said that it never saw the order",
        "appliance/service/enquiries.py",
        "type(fault).__name__, why[:300])\n            return None\n",
        "type(fault).__name__, why[:300])\n            found = None\n",
        ENQUIRIES, "cannot_be_found_out",
    ),
    Mutant(
        "an answer about another order says that ours is absent",
        "appliance/service/enquiries.py",
        "and the answer is about another\", order.client_order_id)\n            return None\n",
        "and the answer is about another\", order.client_order_id)\n",
        ENQUIRIES, "another_order_is_no_answer",
    ),
    Mutant(
        "reconciliation takes one look for proof",
        "appliance/service/reconciliation.py",
        "if report.state is OrderState.ABSENT and not self._venue.is_ours:", "if False:",
        ENQUIRIES, "one_look",
    ),
    Mutant(
        "a cancel that found nothing is proof",
        "appliance/service/orders.py",
        "if report.state is OrderState.ABSENT and order.state in UNCERTAIN:", "if False:",
        ENQUIRIES, "one_look",
    ),
    Mutant(
        "what is unknown at the start is forgotten",
        "appliance/service/reconciliation.py",
        "                    self._enquiries.enquire(client_order_id)\n", "",
        ENQUIRIES, "ever_after",
    ),
    Mutant(
        "the start asks for nothing that is in doubt",
        "appliance/service/reconciliation.py",
        "if account_of(order) == self._account and not self._execution",
        "if account_of(order) == self._account and order.state not in UNCERTAIN and not self._execution",
        ENQUIRIES, "next_life",
    ),
    Mutant(
        "nobody is told of what cannot be found out",
        "appliance/service/enquiries.py", "            self._tell_a_person(order, asked + 1)\n", "",
        ENQUIRIES, "person_is_told",
    ),
    Mutant(
        "a cancellation's word on fills is the last",
        "appliance/service/enquiries.py", "        recorder.listen(self._confirm_short_end)\n", "",
        ENQUIRIES, "raced_a_cancellation",
    ),
    Mutant(
        "an order that turns up is left standing",
        "appliance/service/enquiries.py", "            await self._cancel_risen(risen)\n", "            pass\n",
        ENQUIRIES, "turns_up",
    ),
    Mutant(
        "a stream is believed whatever it says",
        "appliance/service/enquiries.py", "            self.refresh(order.client_order_id)\n        else:\n",
        "            self._reports.note(report, ReportSource.VENUE)\n        else:\n",
        ENQUIRIES, "does_not_fit",
    ),
)  # fmt: skip

BOOKING = (
    Mutant(
        "a fill that is told twice counts twice",
        "appliance/domain/orders.py",
        "        if fill.fill_id in known or fill.fill_id in new:\n            continue\n", "",
        "tests/domain/test_orders.py", "twice",
    ),
    Mutant(
        "more may be filled than was asked",
        "appliance/domain/orders.py", "    if filled > order.quantity:\n", "    if False:\n",
        "tests/domain/test_orders.py", "beyond_what_was_asked",
    ),
    Mutant(
        "an order in doubt reserves nothing",
        "appliance/domain/orders.py", "        if not self.is_live:\n            return Amount",
        "        if not self.is_live or self.state is OrderState.UNKNOWN:\n            return Amount",
        OUTCOMES, "keeps_its_reservation",
    ),
    Mutant(
        "of an order and its replacement the newer alone is reserved",
        "appliance/service/claims.py", "_worse(counted[first], claim)", "claim",
        f"{SERVICE}/test_claims.py", "worse_of_both",
    ),
    Mutant(
        "the order to be replaced hides those that replace it already",
        "appliance/service/claims.py", " and order.replaces != ended:\n", ":\n",
        f"{SERVICE}/test_claims.py", "would_replace",
    ),
    Mutant(
        "a fill beyond the worst price is nothing special",
        "appliance/service/reports.py",
        "        beyond = next((fill for fill in report.fills if _is_beyond(order.payload, fill)), None)\n",
        "        beyond = None\n",
        OUTCOMES, "beyond_the_worst_price",
    ),
    Mutant(
        "what cannot be true changes nothing else",
        "appliance/service/reports.py",
        "self._recorder.record(ReportRefused(report=_excerpt(report), reason=reason), *narrowed)",
        "self._recorder.record(ReportRefused(report=_excerpt(report), reason=reason))",
        OUTCOMES, "impossible_report",
    ),
    Mutant(
        "to narrow may loosen",
        "appliance/service/narrowing.py",
        "    if current is not None and STRICTNESS[current.state] >= STRICTNESS[to]:\n", "    if False:\n",
        OUTCOMES, "never_loosens",
    ),
)  # fmt: skip

AGREEING = (
    Mutant(
        "a balance that lags is a drift",
        "appliance/service/reconciliation.py", "self._seen[drift.difference] >= self._patience.drift_seen_min",
        "self._seen[drift.difference] >= 1",
        RECONCILED, "seen_often_enough or lag",
    ),
    Mutant(
        "differences cancel each other out",
        "appliance/service/reconciliation.py", "worth += abs(drift.found - drift.expected) * price",
        "worth += (drift.found - drift.expected) * price",
        RECONCILED, "cancel_each_other_out",
    ),
    Mutant(
        "what cannot be priced is worth nothing",
        "appliance/service/reconciliation.py", "            if price is None:\n                return True\n",
        "            if price is None:\n                continue\n",
        RECONCILED, "without_a_price",
    ),
    Mutant(
        "balances are compared while an order is in doubt",
        "appliance/service/reconciliation.py", " or (not self._venue.is_ours and self._in_flight()):\n", ":\n",
        RECONCILED, "in_doubt",
    ),
    Mutant(
        "orders of nobody here are not written down",
        "appliance/service/reconciliation.py",
        "            self._recorder.record(ForeignOrderFound(venue=VenueId(self._account), order=name[:64]))\n", "",
        RECONCILED, "nobody_here",
    ),
    Mutant(
        "any number of foreign orders is fine",
        "appliance/service/reconciliation.py", "        if len(foreign) > self._book.limits.foreign_orders_max:\n",
        "        if False:\n",
        RECONCILED, "nobody_here",
    ),
    Mutant(
        "fills that the stream missed are not looked for",
        "appliance/service/reconciliation.py",
        "                self._enquiries.refresh(client_order_id, told=False)\n        return settled, unknown\n",
        "                pass\n        return settled, unknown\n",
        RECONCILED, "stream_missed",
    ),
    Mutant(
        "nobody is told of a missed fill",
        "appliance/service/enquiries.py", "        if missed and not told:\n", "        if False:\n",
        RECONCILED, "missed_is_found_booked_and_told",
    ),
    Mutant(
        "a key that can withdraw is as good as any",
        "appliance/service/venue_watch.py", "            return str(fault)\n        return problem\n",
        "            return str(fault)\n        return None\n",
        WATCHED, "can_withdraw_keeps",
    ),
    Mutant(
        "one accepted risk accepts every other",
        "appliance/service/key_rights.py", "risk in accepted:", "accepted:",
        WATCHED, "that_very_risk",
    ),
    Mutant(
        "a venue that went silent stays fit",
        "appliance/service/venue_watch.py",
        "        if agreed_at is None or self._clock() - agreed_at > self._patience.unreachable_after:\n",
        "        if agreed_at is None:\n",
        WATCHED, "failures_for_a_while",
    ),
    Mutant(
        "what a venue holds is taken over at every start",
        "appliance/service/venue_watch.py", "        if self._state.knows_account(account):\n            return\n", "",
        WATCHED, "not_taken_over_again",
    ),
    Mutant(
        "what a venue holds is taken over piece by piece",
        "appliance/service/venue_watch.py", "            await self._recorder.record(*known)\n",
        "            for one_of_them in known:\n                await self._recorder.record(one_of_them)\n",
        "tests/crash/test_live_kills.py", "takes_over",
    ),
    Mutant(
        "a stream that breaks during a look is forgotten",
        "appliance/service/venue_watch.py",
        "            self._wake.clear()\n            await self.turn()\n",
        "            await self.turn()\n            self._wake.clear()\n",
        WATCHED, "breaks_while",
    ),
)  # fmt: skip

STOPPING = (
    Mutant(
        "a venue is empty when it was asked to be",
        "appliance/service/stopping.py", "            if await self._is_empty(account, venue):\n",
        "            if True:\n",
        STOPPED, "until_the_venue_says",
    ),
    Mutant(
        "orders of nobody here may stay",
        "appliance/service/stopping.py", "        return not listed and not self._own(account)\n",
        "        return not self._own(account)\n",
        STOPPED, "until_the_venue_says",
    ),
    Mutant(
        "what is in doubt need not be waited for",
        "appliance/service/stopping.py", "        return not listed and not self._own(account)\n",
        "        return not listed\n",
        STOPPED, "while_an_order_is_in_doubt",
    ),
    Mutant(
        "a venue that cannot say what is open has nothing open",
        "appliance/service/stopping.py",
        "could not say what is open: %s\", account, type(fault).__name__)\n            return False\n",
        "could not say what is open: %s\", account, type(fault).__name__)\n            return True\n",
        STOPPED, "until_the_venue_says",
    ),
    Mutant(
        "a sweep outlives its halt",
        "appliance/service/stopping.py", "            if not self._goes_on():\n                return\n", "",
        STOPPED, "outlive",
    ),
    Mutant(
        "a core that cannot write disarms the venue's switch",
        "appliance/service/dead_man.py",
        "if self._is_armed and self._recorder.failure is None and isinstance", "if self._is_armed and isinstance",
        STOPPED, "neither_arms_nor_disarms",
    ),
    Mutant(
        "a halt found at the start cancels nothing",
        "appliance/service/core.py", "        if self.halt.notice() or self.halt.is_halted():\n", "        if False:\n",
        STOPPED, "in_force_at_the_start",
    ),
)  # fmt: skip
