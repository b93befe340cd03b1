"""Each alert fires on what it is for, and is quiet where all is well: Prometheus' own judge says so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.observability.shipped import RULES, promtool, rules

JOB = 'job="readytrader"'
HERE = f'{JOB}, instance="a"'
LOSS = 'limit="drawdown_max_pct"'
WORKER = 'worker="kraken"'
STEPS = 180
"""Of 15 s: 45 minutes. A change is made after 30."""

Series = dict[str, tuple[str, str]]


def _steady(good: str, bad: str) -> tuple[str, str]:
    return f"{good}x{STEPS}", f"{good}x120 {bad}x{STEPS - 121}"


ON_OFF, OFF_ON = _steady("1", "0"), _steady("0", "1")
GROWS = (f"3x{STEPS}", "3x140 40x39")
ALERTS: dict[str, tuple[Series, dict[str, str]]] = {
    "ReadyTraderSilent": ({f"up{{{HERE}}}": ON_OFF}, {"job": "readytrader", "instance": "a"}),
    "ReadyTraderJournalFailed": ({"readytrader_journal_failed": OFF_ON}, {}),
    "ReadyTraderHalted": ({"readytrader_halted": OFF_ON}, {}),
    "ReadyTraderNarrowed": (
        {'readytrader_scopes_narrowed{state="cancel_only"}': OFF_ON}, {"state": "cancel_only"}),
    "ReadyTraderNoFreshQuotes": (
        {f'readytrader_quote_trusted{{{HERE}, symbol="A/B"}}': ON_OFF,
         f'readytrader_quote_trusted{{{HERE}, symbol="C/B"}}': (f"0x{STEPS}", f"0x{STEPS}")},
        {"job": "readytrader", "instance": "a"}),
    "ReadyTraderSourceSilent": (
        {'readytrader_source_age_seconds{source="feed"}': _steady("5", "500")}, {"source": "feed"}),
    "ReadyTraderWorkerDown": (
        {f'readytrader_worker_ready{{{WORKER}, kind="exchange"}}': ON_OFF}, {"worker": "kraken", "kind": "exchange"}),
    "ReadyTraderWorkerRestarts": ({f"readytrader_worker_restarts_total{{{WORKER}}}": GROWS}, {"worker": "kraken"}),
    "ReadyTraderVenueUnfit": ({'readytrader_venue_fit{venue="kraken"}': ON_OFF}, {"venue": "kraken"}),
    "ReadyTraderDrift": ({'readytrader_venue_drifts{venue="kraken"}': OFF_ON}, {"venue": "kraken"}),
    "ReadyTraderForeignOrder": ({'readytrader_venue_foreign_orders{venue="kraken"}': OFF_ON}, {"venue": "kraken"}),
    "ReadyTraderVenueClock": (
        {'readytrader_venue_clock_skew_seconds{venue="kraken"}': _steady("0.2", "-1.5")}, {"venue": "kraken"}),
    "ReadyTraderOrdersUnknown": ({'readytrader_orders{state="unknown"}': OFF_ON}, {"state": "unknown"}),
    "ReadyTraderApprovalsWaiting": (
        {"readytrader_proposals_pending": (f"1x{STEPS}", f"1x{STEPS}"),
         "readytrader_proposal_oldest_age_seconds": _steady("30", "31")}, {}),
    "ReadyTraderNoticesGivenUp": (
        {'readytrader_notices_total{notifier="desk", outcome="given_up"}': _steady("0", "1")},
        {"notifier": "desk", "outcome": "given_up"}),
    "ReadyTraderNoticesWaiting": (
        {'readytrader_notices_waiting{notifier="desk"}': _steady("10", "11")}, {"notifier": "desk"}),
    "ReadyTraderLossLimitNear": ({f"readytrader_limit_used_ratio{{{LOSS}}}": _steady("0.8", "0.81")},
                                 {"limit": "drawdown_max_pct"}),
    "ReadyTraderLimitNear": (
        {'readytrader_limit_used_ratio{limit="exposure_max_pct"}': (f"0.95x{STEPS}", f"0.95x60 0.96x{STEPS - 61}")},
        {"limit": "exposure_max_pct"}),
    "ReadyTraderSlowJournal": (
        {'readytrader_journal_commit_seconds_bucket{le="0.1"}': (f"0+10x{STEPS}", f"0+10x{STEPS}"),
         'readytrader_journal_commit_seconds_bucket{le="0.25"}': (f"0+10x{STEPS}", f"0+20x{STEPS}"),
         'readytrader_journal_commit_seconds_bucket{le="+Inf"}': (f"0+10x{STEPS}", f"0+20x{STEPS}")}, {}),
    "ReadyTraderDiskFull": ({"readytrader_disk_free_bytes": _steady("2000000000", "900000000")}, {}),
    "ReadyTraderSignInsRefused": (
        {'readytrader_sign_ins_refused_total{listener="agent http"}': GROWS}, {}),
    "ReadyTraderReportsRefused": ({"readytrader_reports_refused_total": ("0x180", "0x150 1x29")}, {}),
    "ReadyTraderWatchdogGone": ({"readytrader_watchdog_alive": ON_OFF}, {}),
    "ReadyTraderDenialsMany": (
        {'readytrader_decisions_total{outcome="permitted"}': (f"0+10x{STEPS}", f"0+10x{STEPS}"),
         'readytrader_decisions_total{outcome="denied"}': (f"0+20x{STEPS}", f"0+60x{STEPS}")}, {}),
}  # fmt: skip


def rendered(text: str, labels: dict[str, str]) -> str:
    text = re.sub(r"{{ \$labels\.(\w+) }}", lambda match: labels[match[1]], text)
    return text.replace("{{ $value }}", "11")


def good_and_bad(name: str) -> list[dict[str, Any]]:
    """The series of an alert, good and bad, with what must come of them at the end."""
    series, labels = ALERTS[name]
    (rule,) = (one for one in rules() if one["alert"] == name)
    fired = {
        "exp_labels": {**rule["labels"], **labels},
        "exp_annotations": {key: rendered(text, labels) for key, text in rule["annotations"].items()},
    }
    tests = []
    for index, expected in enumerate(([], [fired])):
        given = [{"series": one, "values": values[index]} for one, values in series.items()]
        if name != "ReadyTraderSilent":
            given.append({"series": f"up{{{HERE}}}", "values": f"1x{STEPS}"})
        at = {"eval_time": "45m", "alertname": name, "exp_alerts": expected}
        tests.append({"interval": "15s", "input_series": given, "alert_rule_test": [at]})
    return tests


def test_every_alert_is_tested_and_says_what_to_do() -> None:
    assert {rule["alert"] for rule in rules()} == ALERTS.keys()
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert len(rule["annotations"]["runbook"]) > 40
        assert rule["annotations"]["summary"].endswith(".")


def test_each_alert_fires_on_what_it_is_for_and_is_quiet_where_all_is_well(tmp_path: Path) -> None:
    whole = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "15s",
        "tests": [test for name in ALERTS for test in good_and_bad(name)],
    }
    path = tmp_path / "alerts_test.yml"
    path.write_text(json.dumps(whole))  # JSON is YAML
    judged = promtool("test", "rules", str(path))
    assert judged.returncode == 0, judged.stdout + judged.stderr


@pytest.mark.parametrize("argument", [("check", "rules", "--lint=all", "--lint-fatal"), ("check", "config")])
def test_prometheus_takes_what_is_shipped(argument: tuple[str, ...]) -> None:
    judged = promtool(*argument, "prometheus.yml" if "config" in argument else "alerts.yml")
    assert judged.returncode == 0, judged.stdout + judged.stderr
