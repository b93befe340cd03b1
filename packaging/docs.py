"""Writes the generated tables of the READMEs, or (by default) checks that they are what the code says.

python packaging/docs.py            check; exit 1 and name the drift
python packaging/docs.py --write    write
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import click
from readytrader_sdk import hooks

from appliance.cli.main import root_group
from appliance.config.docs import settings_tables
from appliance.domain.codes import MEANINGS
from appliance.domain.notices import FAMILY_OF, Family
from appliance.telemetry.catalog import CATALOG as METRICS
from appliance.transport.tools import CATALOG

ROOT = Path(__file__).parents[1]


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *(list(row) for row in rows)]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines
    )


def codes() -> str:
    """Every code with its rule, meaning and remedy."""
    rows = ((f"`{code}`", meaning.rule, meaning.text, meaning.remedy) for code, meaning in MEANINGS.items())
    return table(("code", "rule", "meaning", "what to do"), rows)


def tools() -> str:
    """Every tool that an agent can call."""
    rows = ((f"`{tool.name}`", tool.effect.value, tool.scope or "", tool.description) for tool in CATALOG.values())
    return table(("tool", "effect", "scope", "what it does"), rows)


def verbs() -> str:
    """Every verb of the command line, with its arguments."""
    return table(("verb", "what it does"), _verbs("readytrader", root_group))


def _verbs(prefix: str, group: click.Group) -> Iterable[tuple[str, str]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _verbs(f"{prefix} {name}", command)
        else:
            arguments = [f"{p.human_readable_name}" for p in command.params if isinstance(p, click.Argument)]
            yield f"`{' '.join([prefix, name, *arguments])}`", (command.help or "").split("\n\n")[0].replace("\n", " ")


def hook_table() -> str:
    """Every hook that a plugin may implement."""
    specs = [(name, spec) for name, spec in vars(hooks).items() if name.startswith("register_")]
    return table(("hook", "what it registers"), ((f"`{name}`", inspect.getdoc(spec) or "") for name, spec in specs))


def metrics() -> str:
    """Every metric with its kind and labels."""
    rows = ((f"`{one.name}`", one.kind, ", ".join(one.labels), one.doc) for one in METRICS)
    return table(("metric", "kind", "labels", "what it is"), rows)


def families() -> str:
    """Every kind of notice, by family."""
    rows = (
        (f"`{family}`", ", ".join(f"`{kind}`" for kind, its_own in FAMILY_OF.items() if its_own is family))
        for family in Family
    )
    return table(("family", "kinds"), rows)


SECTIONS: dict[str, tuple[str, Callable[[], str]]] = {
    "codes": ("appliance/pipeline/README.md", codes),
    "tools": ("appliance/transport/README.md", tools),
    "settings": ("appliance/config/README.md", settings_tables),
    "families": ("appliance/service/README.md", families),
    "verbs": ("appliance/cli/README.md", verbs),
    "metrics": ("appliance/telemetry/README.md", metrics),
    "hooks": ("plugins/README.md", hook_table),
}


def main() -> int:
    """Check or write every section."""
    drifted = []
    for name, (file, build) in SECTIONS.items():
        path = ROOT / file
        text = path.read_text()
        pattern = re.compile(rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(f"{file}: no section <!-- generated: {name} -->")
        body = "\n" + build().strip() + "\n"
        fresh = pattern.sub(lambda match, body=body: match[1] + body + match[2], text)
        if fresh == text:
            continue
        drifted.append(f"{file}: {name}")
        if "--write" in sys.argv:
            path.write_text(fresh)
    if drifted and "--write" not in sys.argv:
        sys.stderr.write("out of date (run `hatch run docs`):\n" + "".join(f"  {line}\n" for line in drifted))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
