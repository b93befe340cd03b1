"""The configuration as the parts of a core want it."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.config import Configuration, Exchange
from appliance.domain.snapshot import Mode
from appliance.marketdata.bus import MarketDataBus
from appliance.marketdata.feed import Feed
from appliance.marketdata.values import BusSettings, Priority, SourceInfo
from appliance.paper.settings import PaperSettings
from appliance.plugin_host.host import PluginHost
from appliance.plugin_host.remote import RemoteSource
from appliance.service.rate_limits import Budget, RateSettings
from appliance.service.recorder import Clock
from appliance.service.venue_watch import VenueTerms


def terms(exchange: Exchange) -> VenueTerms:
    """On what terms a live venue is looked after."""
    return VenueTerms(
        cancel_after=exchange.cancel_after,
        risks_accepted=exchange.key_risks_accepted,
        accepted_by=exchange.key_risks_accepted_by,
    )


def feeds(configuration: Configuration, plugins: PluginHost | None, bus: MarketDataBus, clock: Clock) -> Iterator[Feed]:
    """From each configured source's worker into the bus."""
    if plugins is None:
        return
    for source in configuration.sources:
        info = SourceInfo(
            name=source.name,
            priority=Priority(source.priority),
            admissible=True,
            quote_age_max=configuration.market_data.source_age_max.get(source.name),
        )
        remote = RemoteSource(plugins[source.name])
        refused_as = remote.paper_name if configuration.mode is Mode.LIVE else None
        yield Feed(bus, info, remote, clock, refused_as=refused_as)


def bus_settings(configuration: Configuration) -> BusSettings:
    """What the market-data bus holds sources to."""
    return BusSettings(
        quote_age_max=configuration.limits.quote_age_max,
        clock_skew_max=configuration.limits.clock_skew_max,
        outlier_max_pct=configuration.market_data.outlier_max_pct,
        outlier_window=configuration.market_data.outlier_window,
        agree_max_pct=configuration.market_data.agree_max_pct,
        sentiment_source=configuration.sentiment_source,
    )


def paper_settings(configuration: Configuration) -> PaperSettings:
    """On what terms paper orders trade."""
    return PaperSettings(
        maker_fee_pct=configuration.paper.maker_fee_pct,
        taker_fee_pct=configuration.paper.taker_fee_pct,
        latency=configuration.paper.latency,
        fill_share_max_pct=configuration.paper.fill_share_max_pct,
    )


def rate_settings(configuration: Configuration) -> RateSettings:
    """How often agents may call."""
    rates = configuration.rate_limits
    return RateSettings(
        per_minute={
            Budget.READ: rates.default_per_min,
            Budget.ORDER: rates.execution_per_min,
            Budget.AMEND: rates.execution_per_min,
            Budget.CANCEL: rates.default_per_min,
        },
        per_tool=rates.tool_per_min,
    )
