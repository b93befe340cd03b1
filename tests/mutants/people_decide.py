"""Mutants of what people decide: who agreed, to what, and since when a limit holds."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

SERVICE = "tests/service"
APPROVED = f"{SERVICE}/test_approvals.py"
LIMITED = f"{SERVICE}/test_limit_book.py"
ROUTES = "tests/operator_http/test_deciding.py"
BOOK = "appliance/service/limit_book.py"

AGREEING_PEOPLE = (
    Mutant(
        "the same person counts twice",
        "appliance/service/approvals.py",
        "        if person.name in self.people(record):\n", "        if False:\n",
        APPROVED, "same_person",
    ),
    Mutant(
        "the pipeline counts names, not persons",
        "appliance/pipeline/checks/approval.py", "len(set(approval.people or (approval.operator,)))",
        "len(approval.people or (approval.operator,))",
        "tests/pipeline/test_boundaries.py", "people_enough",
    ),
    Mutant(
        "whoever is nobody's account counts as somebody",
        "appliance/service/approvals.py",
        "        if self.people_needed(record) > 1 and not person.is_account:\n", "        if False:\n",
        APPROVED, "nobodys_account",
    ),
    Mutant(
        "what somebody agreed to before their account was closed counts again once it is opened",
        "appliance/service/operators.py",
        "msgspec.structs.replace(account, disabled_at=None, decides_since=self._clock())",
        "msgspec.structs.replace(account, disabled_at=None)",
        ROUTES, "could_not_decide",
    ),
    Mutant(
        "one person's token lets every other agree",
        "appliance/service/approvals.py", '        text = f"{shown}|{person.name}"\n', "        text = shown\n",
        APPROVED, "persons_token",
    ),
    Mutant(
        "a token that was used is good again",
        "appliance/service/approvals.py",
        "        return record.state is ProposalState.PENDING and self._clock()",
        "        return record.state is not ProposalState.REFUSED and self._clock()",
        APPROVED, "many_persons_at_once",
    ),
    Mutant(
        "the number of persons is the one of now, also where it was more",
        "appliance/service/approvals.py",
        "max(record.proposal.people_min, self._book.limits.approval_people_min)",
        "self._book.limits.approval_people_min",
        APPROVED, "three_must_agree",
    ),
    Mutant(
        "a yes over HTTP needs no second factor",
        "appliance/transport/operator_http/approval_routes.py",
        "    factor = await asking.prove(ApproveAct(request_id=data.request_id), data.factor)\n",
        '    factor = "totp"\n',
        ROUTES, "proposal_shows_everything",
    ),
    Mutant(
        "viewers are shown confirm tokens",
        "appliance/transport/decision_acts.py", "    may_decide = person.role.covers(Role.OPERATOR)\n",
        "    may_decide = True\n",
        ROUTES, "viewer_sees_no_token",
    ),
)  # fmt: skip

LIMITS_HOLD = (
    Mutant(
        "a loosening holds at once",
        BOOK, "now if tightens else now + self._limits.loosening_delay", "now",
        LIMITED, "not_a_moment_before",
    ),
    Mutant(
        "a clock that is set forward brings a loosening forward",
        BOOK, "        return max(timedelta(0), change.due_at - change.asked_at - ran)", "        return ran * 0",
        LIMITED, "clock_that_is_set",
    ),
    Mutant(
        "a tightening holds with the next heartbeat",
        BOOK, "        self._limits = after\n        await durable\n        return self._state",
        "        await durable\n        self._limits = after\n        return self._state",
        LIMITED, "very_next_decision",
    ),
    Mutant(
        "a limit holds before it is in the journal",
        BOOK,
        "        durable = self._recorder.record(*voided, LimitSet(change=change, limits=after))\n"
        "        self._limits = after\n        await durable\n",
        "        self._limits = after\n        import asyncio\n        await asyncio.sleep(0)\n"
        "        await self._recorder.record(*voided, LimitSet(change=change, limits=after))\n",
        LIMITED, "in_the_journal_before",
    ),
    Mutant(
        "what may allow more is a tightening",
        BOOK, "        if tightens and not is_tighter:\n", "        if False:\n",
        LIMITED, "own_form",
    ),
    Mutant(
        "a loosening needs no second factor",
        BOOK, '        _require_factor(factor)\n        if change.people_min > 1:\n',
        "        if change.people_min > 1:\n",
        LIMITED, "needs_a_second_factor",
    ),
    Mutant(
        "one person loosens alone where two must agree",
        BOOK, "        if wanted < needed:\n", "        if False:\n",
        LIMITED, "nobody_else_wanted",
    ),
    Mutant(
        "a tightening leaves the loosening that waits",
        BOOK, "        waiting = [it for it in self.pending() if it.setting == key]\n",
        "        waiting: list[LimitChange] = []\n",
        LIMITED, "voids_the_loosening",
    ),
    Mutant(
        "another configuration leaves what was changed",
        BOOK, "            if configured != change.configured:\n", "            if False:\n",
        LIMITED, "another_configured_value",
    ),
    Mutant(
        "a start that allows more says nothing",
        BOOK, "        return (*ended, LimitsLooserAtStart(changed=changed))\n", "        return tuple(ended)\n",
        LIMITED, "allows_more_than_before",
    ),
    Mutant(
        "a limit that is off is the tightest",
        "appliance/domain/tightness.py", "    return other is None or (one is not None and bool(one <= other))\n",
        "    return one is None or (other is not None and bool(one <= other))\n",
        LIMITED, "own_form",
    ),
)  # fmt: skip
