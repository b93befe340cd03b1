"""What is frozen in is handed on by whoever hands on the program: nothing in it may be under a copyleft licence."""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, distribution, packages_distributions

import pytest
from PyInstaller.archive.readers import CArchiveReader

from tests.frozen.builds import TREE, UNPACKED

COPYLEFT = re.compile(r"GPL|MPL|Mozilla|EPL-|EUPL|CDDL|SSPL|GNU ", re.IGNORECASE)
OF_THE_SYSTEM = {
    "libbz2": "bzip2-1.0.6",
    "libcrypto": "Apache-2.0",
    "libexpat": "MIT",
    "libffi": "MIT",
    "liblzma": "0BSD",
    "libncurses": "X11",
    "libncursesw": "X11",
    "libpanel": "X11",
    "libpanelw": "X11",
    "libpython": "PSF-2.0",
    "libsqlite3": "public domain",
    "libssl": "Apache-2.0",
    "libtinfo": "X11",
    "libuuid": "BSD-3-Clause",
    "libz": "Zlib",
    "libgcc_s": "GPL-3.0 with the runtime library exception, which lets any program be handed out",
    "libstdc++": "as libgcc_s",
}
"""Libraries that Python's own modules bring along, and what they are under."""


def modules() -> set[str]:
    """The top-level names of every module in the program, its standard library's among them."""
    archive = CArchiveReader(str(UNPACKED))
    (name,) = [name for name in archive.toc if name.endswith(".pyz")]
    names = {one.partition(".")[0] for one in archive.open_embedded_archive(name).toc}
    return names | {
        path.name.partition(".")[0] for path in (TREE / "_internal").iterdir() if path.suffix != ".dist-info"
    }


def inside() -> list[Distribution]:
    """The distributions that any of these modules belongs to."""
    owners = packages_distributions()
    found = {owner for name in modules() - sys.stdlib_module_names for owner in owners.get(name, ())}
    return [distribution(name) for name in sorted(found)]


def licence(part: Distribution) -> str:
    """What a distribution says of itself, in each of the ways in which that is said."""
    said = part.metadata
    short = [line for line in (said["License-Expression"], said["License"]) if line]
    marks = [line for line in said.get_all("Classifier") or () if line.startswith("License ::")]
    return " ".join([*(text.splitlines()[0] for text in short), *marks])


def test_no_distribution_in_it_is_under_a_copyleft_licence() -> None:
    found = {part.name: licence(part) for part in inside()}
    assert len(found) > 30, found
    assert {"litestar", "webauthn", "PyJWT", "PyOTP", "prometheus_client"} <= found.keys()
    assert {name: said for name, said in found.items() if not said or COPYLEFT.search(said)} == {}


def test_every_library_of_the_system_in_it_is_known_and_under_no_copyleft() -> None:
    found = {path.name.partition(".so")[0] for path in (TREE / "_internal").rglob("lib*.so*")}
    found = {re.sub(r"-?[0-9.]+$", "", name) if name.startswith("libpython") else name for name in found}
    assert found - OF_THE_SYSTEM.keys() == set()


def titles() -> list[str]:
    """Of whom `LICENCES` has texts: distributions by name, libraries of the system by file, shared texts by path."""
    return re.findall(r"^=== ([^:\n]+)", (TREE / "_internal" / "LICENCES").read_text(), re.MULTILINE)


def test_their_licences_go_along() -> None:
    found = titles()
    assert {"Python", "litestar", "webauthn", "pyjwt", "pyotp", "prometheus-client", "ccxt"} <= set(found)
    assert len(set(found)) > 50


def test_so_do_those_of_the_libraries_of_the_system_and_every_text_that_they_refer_to() -> None:
    libraries = {path.name for path in (TREE / "_internal").glob("lib*.so*")}
    assert libraries
    assert libraries - {name for title in titles() for name in title.split(", ")} == set()
    referred = re.findall(r"/usr/share/common-licenses/[\w.+-]*\w", (TREE / "_internal" / "LICENCES").read_text())
    assert set(referred) - set(titles()) == set()


@pytest.mark.parametrize("name", ["readline", "_gdbm", "_dbm", "_crypt"])
def test_a_module_that_brings_such_a_library_is_not_in_it(name: str) -> None:
    assert not list((TREE / "_internal").rglob(f"{name}.*"))
