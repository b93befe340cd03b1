"""The page's files as they are shipped: parts by others are what was published, and nothing can become code."""

from __future__ import annotations

import asyncio
import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

from appliance.transport.operator_http.page_files import VERSION
from tests.operator_http.serving import Caller, served

PAGE = Path(__file__).parents[2] / "appliance" / "page"
VENDOR = PAGE / "vendor"
PARTS = json.loads((VENDOR / "manifest.json").read_text())["parts"]
OWN = sorted(path for path in PAGE.rglob("*.js") if VENDOR not in path.parents)
LINES_MAX = 300
TEXT_INTO_CODE = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySetInnerHTML|\beval\(|new Function|srcdoc"
    r"|setAttribute\(\"style|javascript:"
)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part["file"])
def test_a_part_by_others_is_to_the_byte_what_its_makers_published(part: dict[str, object]) -> None:
    content = (VENDOR / str(part["file"])).read_bytes()
    assert sha256(content).hexdigest() == part["sha256"]
    changed = part.get("changed")
    if isinstance(changed, dict):
        published = content.replace(changed["to"].encode(), changed["from"].encode())
        assert sha256(published).hexdigest() == part["sha256_published"]


def test_every_file_of_others_is_in_the_manifest_with_its_licence() -> None:
    named = {str(part["file"]) for part in PARTS} | {licence for part in PARTS for licence in part["licence_files"]}
    found = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()}
    assert found == named | {"manifest.json"}
    assert {part["licence"] for part in PARTS} <= {"MIT", "Apache-2.0"}


@pytest.mark.parametrize("path", OWN, ids=lambda path: str(path.relative_to(PAGE)))
def test_a_module_is_short_and_never_makes_code_of_text(path: Path) -> None:
    text = path.read_text()
    assert not TEXT_INTO_CODE.search(text)
    assert len(text.splitlines()) < LINES_MAX
    assert text.startswith("/**"), "a module begins with what it is for"


def test_the_first_file_holds_no_code_and_no_style_and_names_no_other_host() -> None:
    text = (PAGE / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", text)
    assert all(link.startswith("/page/") for link in re.findall(r"(?:src|href)=\"([^\"]+)\"", text))


def test_every_module_that_is_imported_exists() -> None:
    for path in OWN:
        for name in re.findall(r"(?:from |import\()\"(\.[^\"]+)\"", path.read_text()):
            assert (path.parent / name).is_file(), f"{path.name} imports {name}"


def test_what_the_first_view_needs_is_asked_for_at_once() -> None:
    needed, left = set(), ["main.js", "views/now.js"]
    while left:
        path = PAGE / left.pop()
        if path not in needed:
            needed.add(path)
            names = re.findall(r"from \"(\.[^\"]+)\"", path.read_text())
            left += [str((path.parent / name).resolve().relative_to(PAGE)) for name in names]
    asked = re.findall(r"modulepreload\" href=\"/page/([^\"]+)\"", (PAGE / "index.html").read_text())
    assert {PAGE / name for name in asked} == needed - {PAGE / "main.js"}


def test_a_browser_asks_for_each_file_of_a_version_once_and_finds_none_of_another(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_core, http), Caller(http.port) as caller:
            first = await caller.get("/")
            assert first.headers["cache-control"] == "no-cache"
            links = re.findall(r"(?:src|href)=\"([^\"]+)\"", first.text)
            assert len(links) > 30
            for link in links:
                assert link.startswith(f"/page/{VERSION}/")
                answer = await caller.get(link)
                assert answer.status_code == 200
                assert answer.headers["cache-control"].endswith("immutable")
                assert answer.content == (PAGE / link.removeprefix(f"/page/{VERSION}/")).read_bytes()
            assert (await caller.get(links[0].replace(VERSION, VERSION[::-1]))).status_code == 404
            plain = await caller.get("/page/main.js")
            assert (plain.status_code, plain.headers["cache-control"]) == (200, "no-cache")

    asyncio.run(scenario())
