"""The READMEs say what the code says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")


def test_every_generated_table_is_up_to_date() -> None:
    checked = subprocess.run([sys.executable, "packaging/docs.py"], cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_every_link_between_the_readmes_leads_somewhere() -> None:
    for readme in ROOT.rglob("README.md"):
        if ".venv" in readme.parts or "node_modules" in readme.parts:
            continue
        for target in LINK.findall(readme.read_text()):
            assert (readme.parent / target).exists(), f"{readme.relative_to(ROOT)}: {target}"


def test_every_folder_of_code_has_a_manual() -> None:
    folders = [path.parent for path in (ROOT / "appliance").glob("*/__init__.py") if path.parent.name != "domain"]
    missing = [folder.name for folder in folders if not (folder / "README.md").exists()]
    assert not missing
