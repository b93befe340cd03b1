"""What a scrape says, read by Prometheus' own parser."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from tests.service.rig import Rig


class Scrape:
    """One scrape, by name and labels."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        samples = [sample for family in self.families.values() for sample in family.samples]
        self.names = {sample.name for sample in samples}
        self._figures = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}

    def __getitem__(self, name: str) -> float:
        return self.of(name)

    def of(self, name: str, **labels: str) -> float:
        """The figure of one series; 0 where it was never counted, as a query would see it."""
        return self._figures.get((f"readytrader_{name}", frozenset(labels.items())), 0.0)

    def has(self, name: str) -> bool:
        return f"readytrader_{name}" in self.names


def scraped(rig: Rig) -> Scrape:
    """A scrape of this core, now."""
    return Scrape(rig.core.telemetry.meter.text().decode())
