"""Runs checks: one after the other, each with a time limit, none able to stop the others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from readytrader_sdk.conformance.catalog import CHECKS
from readytrader_sdk.conformance.checks import Check, NotKept, NotTried, shown, taking_notes
from readytrader_sdk.conformance.report import Outcome, Report, Verdict, sdk_version
from readytrader_sdk.conformance.subjects import SUBJECTS, Subject
from readytrader_sdk.errors import PluginError
from readytrader_sdk.kinds import Kind

GRACE_S = 2
"""How long a check that ran out of time may take to stop."""


async def run(
    kind: Kind,
    subject: Subject,
    *,
    moving: bool = False,
    time_limit_s: float | None = None,
    checks: Sequence[Check] = CHECKS,
) -> Report:
    """Run every check of a kind over one plugin, and report.

    Checks that move value (orders are sent, signatures are made) run only when `moving` says so, and are reported as
    skipped otherwise. `time_limit_s` replaces each check's own limit. A plugin that blocks the event loop cannot be
    stopped from here; run it in a process of its own. Raises `TypeError` when the subject is not the kind's.
    """
    kind = Kind(kind)
    if not isinstance(subject, SUBJECTS[kind]):
        raise TypeError(f"{kind}: expected a {SUBJECTS[kind].__name__}, got {type(subject).__name__}")
    outcomes = []
    for check in checks:
        if check.kind is not kind:
            continue
        if check.moves_value and not moving:
            outcomes.append(_outcome(check, Verdict.SKIPPED, "not run here: it moves value"))
        else:
            outcomes.append(await _run_one(check, subject, time_limit_s or check.timeout_s))
    return Report(kind=kind, sdk=sdk_version(), outcomes=tuple(outcomes))


async def _run_one(check: Check, subject: Subject, time_limit_s: float) -> Outcome:
    task = asyncio.create_task(_try(check, subject), name=f"conformance: {check.name}")
    try:
        done, _ = await asyncio.wait({task}, timeout=time_limit_s)
        if not done:
            task.cancel()
            done, _ = await asyncio.wait({task}, timeout=GRACE_S)
            stopped = "" if done else f", and it does not stop: {GRACE_S} s after it was cancelled it still runs"
            return _outcome(check, Verdict.BROKEN, f"not done within {time_limit_s:g} s{stopped}")
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task}, timeout=GRACE_S)
        raise
    if task.cancelled():
        return _outcome(check, Verdict.BROKEN, "the plugin cancelled the call by itself")
    return task.result()


async def _try(check: Check, subject: Subject) -> Outcome:
    with taking_notes() as notes:
        try:
            await check.function(subject)
        except NotKept as fault:
            verdict, reason = Verdict.BROKEN, str(fault)
        except NotTried as reason_given:
            verdict, reason = Verdict.SKIPPED, str(reason_given)
        except PluginError as fault:
            verdict, reason = Verdict.BROKEN, f"raised {type(fault).__name__}: {shown(str(fault))}"
        except (Exception, SystemExit) as fault:  # noqa: BLE001 - whatever a plugin raises is one check's failure
            verdict = Verdict.BROKEN
            reason = f"raised {type(fault).__name__}, which is no error of the SDK: {shown(str(fault))}"
        else:
            verdict, reason = Verdict.KEPT, ""
        return _outcome(check, verdict, reason, notes)


def _outcome(check: Check, verdict: Verdict, reason: str, notes: Sequence[str] = ()) -> Outcome:
    return Outcome(name=check.name, promise=check.promise, verdict=verdict, reason=reason, notes=tuple(notes))
