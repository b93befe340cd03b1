"""Close the cage: probe, apply in the one order that works, and see that it holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from appliance.plugin_host.cage import landlock, process, seccomp
from appliance.plugin_host.cage.measures import ON, CageRefused, CageReport, Measure, Profile
from appliance.plugin_host.cage.syscalls import machine


def available() -> CageReport:
    """What this kernel can do for a cage, found out without applying anything."""
    lacking: dict[Measure, str] = dict(landlock.lacks())
    if (why := seccomp.lacks()) is not None:
        lacking[Measure.SECCOMP] = why
    if (why := _fails(process.has_no_new_privileges)) is not None:
        lacking[Measure.NO_NEW_PRIVILEGES] = f"this kernel has no PR_SET_NO_NEW_PRIVS (Linux 3.5): {why}"
    if (why := _fails(process.denies_write_execute)) is not None:
        lacking[Measure.MEMORY_DENY_WRITE_EXECUTE] = f"this kernel has no PR_SET_MDWE (Linux 6.3): {why}"
    return CageReport(measures={measure.value: lacking.get(measure, ON) for measure in Measure})


def enter(
    profile: Profile, *, read_paths: Sequence[str], write_paths: Sequence[str], required: Sequence[str]
) -> CageReport:
    """Close the cage around this process, for good. Needs no privilege, and one thread.

    `read_paths` are files and folders, `write_paths` folders; absolute, with everything below them. Every measure that
    the kernel has is applied. Raises `CageRefused`, with nothing or a part applied, for a measure in `required` that is
    not to be had or not known, a path that cannot be opened, a second thread, or a measure that does not hold: then the
    process must end.
    """
    report = available()
    for name in required:
        state = report.measures.get(name, "there is no such measure")
        if state != ON:
            raise CageRefused(f"{name}: {state}")
    measures = [measure for measure in Measure if report.measures[measure] == ON]
    try:
        if process.thread_count() != 1:
            raise CageRefused("another thread runs in this process, and would stay outside the cage")
        apply(measures, profile, read_paths=read_paths, write_paths=write_paths)
        _confirm(measures)
    except OSError as error:
        raise CageRefused(f"the cage does not close: {error}") from error
    return report


def apply(
    measures: Collection[Measure], profile: Profile, *, read_paths: Sequence[str], write_paths: Sequence[str]
) -> None:
    """Apply these measures, in an order in which none hinders the next: the filter comes last."""
    walls: Sequence[tuple[Measure, Callable[[], None]]] = (
        (Measure.RLIMITS, lambda: process.limit_resources(profile)),
        (Measure.NO_CORE_DUMPS, process.deny_core_dumps),
        (Measure.NO_NEW_PRIVILEGES, process.deny_new_privileges),
        (Measure.CAPABILITIES, process.drop_capabilities),
        (Measure.NOT_DUMPABLE, process.deny_dumping),
    )
    for measure, wall in walls:
        if measure in measures:
            wall()
    landlock.restrict(measures, profile, read_paths=read_paths, write_paths=write_paths)
    if Measure.MEMORY_DENY_WRITE_EXECUTE in measures:
        process.deny_write_execute()
    here = machine()
    if Measure.SECCOMP in measures and here is not None:
        seccomp.install(profile, here)


def _confirm(measures: Collection[Measure]) -> None:
    """Ask the kernel whether what was applied holds, as far as it answers."""
    answers = {
        Measure.NO_NEW_PRIVILEGES: process.has_no_new_privileges,
        Measure.CAPABILITIES: lambda: not process.has_capabilities(),
        Measure.NOT_DUMPABLE: lambda: not process.is_dumpable(),
        Measure.SECCOMP: seccomp.is_filtered,
        Measure.MEMORY_DENY_WRITE_EXECUTE: process.denies_write_execute,
    }
    for measure, holds in answers.items():
        if measure in measures and not holds():
            raise CageRefused(f"{measure}: it was applied and does not hold")


def harden() -> None:
    """Keep others of the same user, and core files, out of this process's memory.

    For every process that holds a secret or speaks for the core, in the cage or not. Raises `OSError`.
    """
    process.deny_core_dumps()
    process.deny_dumping()


def _fails(probe: Callable[[], bool]) -> str | None:
    try:
        probe()
    except OSError as error:
        return error.strerror or str(error)
    return None
