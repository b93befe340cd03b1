"""Every rule permits exactly at its limit and denies one step beyond it, and no rule is there without a pair."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from appliance.domain.decision import Denial, Denied, Permitted
from appliance.pipeline import decide as pipeline
from appliance.pipeline.case import Case
from appliance.pipeline.checks import CEILINGS, CONDITIONS, ENTRY_CEILINGS, ENTRY_CONDITIONS
from tests.pipeline.cases import denials, permitted, situation
from tests.pipeline.pairs import PAIRS, Pair

TABLES = ("CONDITIONS", "ENTRY_CONDITIONS", "CEILINGS", "ENTRY_CEILINGS")
EVERY_CHECK = (*CONDITIONS, *ENTRY_CONDITIONS, *CEILINGS, *ENTRY_CEILINGS)


def name_of(check: Callable[[Case], object]) -> str:
    return f"{check.__module__.rsplit('.', 1)[-1]}.{check.__name__}"


def pair_id(pair: Pair) -> str:
    return f"{pair.check}-{pair.observed}"


def of_pair(pair: Pair, denial: Denial) -> bool:
    return (denial.code, denial.observed, denial.limit, denial.unit) == (
        pair.code,
        pair.observed,
        pair.limit,
        pair.unit,
    )


def test_the_round_case_passes_every_rule() -> None:
    assert permitted(situation().decide()).terms.notional == 100


def test_every_check_has_a_pair_and_every_pair_a_check() -> None:
    assert {pair.check for pair in PAIRS} == {name_of(check) for check in EVERY_CHECK}


def test_every_check_stands_in_one_table_once() -> None:
    assert len({name_of(check) for check in EVERY_CHECK}) == len(EVERY_CHECK)


@pytest.mark.parametrize("pair", PAIRS, ids=pair_id)
def test_a_request_at_the_limit_is_permitted(pair: Pair) -> None:
    assert isinstance(pair.at.decide(), Permitted)


@pytest.mark.parametrize("pair", PAIRS, ids=pair_id)
def test_one_step_beyond_is_denied_with_its_figures(pair: Pair) -> None:
    seen = denials(pair.beyond.decide())
    assert [denial for denial in seen if of_pair(pair, denial)], seen


@pytest.mark.parametrize("pair", PAIRS, ids=pair_id)
def test_a_rule_taken_out_of_the_table_lets_its_pair_go_undenied(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    for table in TABLES:
        kept = tuple(check for check in getattr(pipeline, table) if name_of(check) != pair.check)
        monkeypatch.setattr(pipeline, table, kept)
    decision = pair.beyond.decide()
    remaining = decision.denials if isinstance(decision, Denied) else ()
    assert not any(of_pair(pair, denial) for denial in remaining)
