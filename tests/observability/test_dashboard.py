"""The dashboard against Grafana's classic JSON model, as strictly as it is documented: Grafana itself is not here.

Source: Grafana's documentation, "Dashboard JSON model" (classic: fields, gridPos, templating, annotations), the options
of each visualization, and the value formats of `@grafana/data` (IDs of units).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from appliance.telemetry.catalog import CATALOG
from tests.observability.shipped import FOLDER, metrics_of, promtool, queries

SCHEMA_VERSIONS = range(36, 42)
"""Those of Grafana 9 to 12: older ones are migrated in ways that nobody here has seen, newer ones are not known."""
UNITS = {"none", "short", "percent", "percentunit", "s", "ms", "bytes", "decbytes", "ops", "reqps", "dtdurations"}
COLOURS = {"green", "orange", "red", "yellow", "blue", "text"}
OPTIONS = {
    "stat": {"reduceOptions", "colorMode", "graphMode", "textMode", "justifyMode", "orientation"},
    "timeseries": {"legend", "tooltip"},
    "bargauge": {"reduceOptions", "displayMode", "orientation", "showUnfilled", "valueMode"},
    "state-timeline": {"alignValue", "legend", "mergeValues", "rowHeight", "showValue", "tooltip"},
    "heatmap": {
        "calculate", "cellGap", "color", "exemplars", "filterValues", "legend", "rowsFrame", "showValue", "tooltip",
        "yAxis",
    },
}  # fmt: skip
"""What each visualization in use takes."""
WIDTH = 24


class Closed(Struct, forbid_unknown_fields=True, rename="camel"):
    """A part of the model: a field that it does not have is refused."""


class Source(Closed):
    type: Literal["prometheus"]
    uid: Literal["${datasource}"]


class GridPos(Closed):
    h: int
    w: int
    x: int
    y: int

    def cells(self) -> set[tuple[int, int]]:
        return {(x, y) for x in range(self.x, self.x + self.w) for y in range(self.y, self.y + self.h)}


class Target(Closed):
    ref_id: str
    expr: str
    datasource: Source
    legend_format: str
    format: Literal["time_series", "heatmap", "table"] = "time_series"
    instant: bool = False


class Step(Closed):
    color: str
    value: float | None


class Thresholds(Closed):
    mode: Literal["absolute", "percentage"]
    steps: list[Step]


class Text(Closed):
    text: str
    color: str
    index: int


class Mapping(Closed):
    type: Literal["value"]
    options: dict[str, Text]


class Defaults(Closed):
    unit: str | None = None
    color: dict[str, Any] | None = None
    custom: dict[str, Any] | None = None
    thresholds: Thresholds | None = None
    mappings: list[Mapping] = []
    min: float | None = None
    max: float | None = None


class FieldConfig(Closed):
    defaults: Defaults
    overrides: list[dict[str, Any]]


class Row(Closed, tag="row", tag_field="type"):
    id: int
    title: str
    grid_pos: GridPos
    collapsed: Literal[False]
    panels: list[Any]


class Panel(Closed):
    type: Literal["stat", "timeseries", "bargauge", "state-timeline", "heatmap"]
    id: int
    title: str
    description: str
    grid_pos: GridPos
    datasource: Source
    targets: list[Target]
    field_config: FieldConfig
    options: dict[str, Any]


class Board(Closed):
    uid: str
    title: str
    description: str
    tags: list[str]
    timezone: Literal["utc", "browser"]
    schema_version: int
    version: int
    editable: bool
    graph_tooltip: Literal[0, 1, 2]
    refresh: str
    time: dict[Literal["from", "to"], str]
    panels: list[dict[str, Any]]
    templating: dict[Literal["list"], list[dict[str, Any]]]
    annotations: dict[Literal["list"], list[dict[str, Any]]]
    links: list[Any]
    fiscal_year_start_month: int
    live_now: bool
    week_start: str


BOARD = msgspec.json.decode((FOLDER / "dashboard.json").read_bytes(), type=Board)
ROWS = [msgspec.convert(it, Row) for it in BOARD.panels if it["type"] == "row"]
PANELS = [msgspec.convert(it, Panel) for it in BOARD.panels if it["type"] != "row"]


def labels_of(expression: str) -> set[str]:
    """The labels that the series of an expression may have: those that it groups by, else those of its metrics."""
    grouped = re.findall(r"\bby \(([a-z_, ]+)\)", expression)
    if grouped:
        return {label.strip() for group in grouped for label in group.split(",")}
    names = metrics_of(expression)
    return {"job", "instance"} | {label for metric in CATALOG if metric.name in names for label in metric.labels}


def targets() -> Iterator[tuple[Panel, Target]]:
    for panel in PANELS:
        for target in panel.targets:
            yield panel, target


def test_the_board_is_of_a_schema_that_is_known_and_asks_which_prometheus_to_use() -> None:
    assert BOARD.schema_version in SCHEMA_VERSIONS
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", BOARD.uid)
    source, job = BOARD.templating["list"]
    assert (source["type"], source["name"], source["query"]) == ("datasource", "datasource", "prometheus")
    assert (job["type"], job["name"], job["allValue"]) == ("query", "job", ".*")
    for it in (job, *BOARD.annotations["list"]):
        assert it["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_every_panel_has_its_own_id_and_place_and_lies_within_the_board() -> None:
    everything = [*ROWS, *PANELS]
    assert len({it.id for it in everything}) == len(everything) == len(BOARD.panels)
    taken: set[tuple[int, int]] = set()
    for it in everything:
        cells = it.grid_pos.cells()
        assert cells, it.title
        assert min(it.grid_pos.x, it.grid_pos.y) >= 0, it.title
        assert max(x for x, _ in cells) < WIDTH, it.title
        assert not cells & taken, it.title
        taken |= cells
    height = max(y for _, y in taken) + 1
    assert taken == {(x, y) for x in range(WIDTH) for y in range(height)}, "Grafana would move panels up into a gap"
    assert all((row.grid_pos.w, row.grid_pos.h, row.panels) == (WIDTH, 1, []) for row in ROWS)


def test_every_panel_says_what_it_shows_in_a_unit_and_in_options_that_its_kind_has() -> None:
    for panel in PANELS:
        assert panel.description.endswith("."), panel.title
        assert panel.options.keys() == OPTIONS[panel.type], panel.title
        defaults = panel.field_config.defaults
        unit = panel.options["yAxis"]["unit"] if panel.type == "heatmap" else defaults.unit
        assert unit in UNITS or (panel.type == "state-timeline" and defaults.mappings), panel.title
        steps = [] if defaults.thresholds is None else defaults.thresholds.steps
        values = [step.value for step in steps]
        assert not steps or (values[0] is None and values[1:] == sorted(values[1:])), panel.title
        texts = [text for mapping in defaults.mappings for text in mapping.options.values()]
        assert {it.color for it in (*steps, *texts)} <= COLOURS, panel.title


def test_every_query_is_of_the_chosen_job_and_its_legend_names_labels_that_it_has() -> None:
    for panel, target in targets():
        assert 'job=~"$job"' in target.expr, panel.title
        named = set(re.findall(r"{{\s*(\w+)\s*}}", target.legend_format))
        assert named <= labels_of(target.expr), (panel.title, target.legend_format)
        assert target.legend_format or (panel.type == "stat" and len(panel.targets) == 1), panel.title
    for panel in PANELS:
        assert panel.targets, panel.title
        assert len({it.ref_id for it in panel.targets}) == len(panel.targets), panel.title
        assert len({it.legend_format for it in panel.targets}) == len(panel.targets), panel.title


def test_every_expression_is_promql(tmp_path: Path) -> None:
    """As recording rules: what Grafana puts in for its variables is put in here."""
    written = [
        {"record": f"board:{number}", "expr": expression.replace("$__rate_interval", "1m").replace("$job", ".*")}
        for number, (_, expression) in enumerate(queries())
    ]
    assert not [it["expr"] for it in written if "$" in it["expr"]]
    path = tmp_path / "board.yml"
    path.write_text(json.dumps({"groups": [{"name": "board", "rules": written}]}))
    judged = promtool("check", "rules", str(path))
    assert (judged.returncode, f"{len(written)} rules found" in judged.stdout) == (0, True), judged.stderr
