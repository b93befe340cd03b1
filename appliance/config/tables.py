"""The arrays of tables: `[[source]]` and the other instances, `[[plugin]]` and `[[instrument]]`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from readytrader_sdk.instruments import Asset, Instrument, InstrumentStatus, MarketType, Symbol
from readytrader_sdk.ports import Severity

from appliance.config import forms, plugin_forms
from appliance.config.arrays import Array, Field
from appliance.config.forms import SECOND
from appliance.config.problems import Refusal
from appliance.config.values import Exchange, Notifier, Source
from appliance.domain.key_risk import KeyRisk
from appliance.domain.notices import ROUTE_NAMES, Family, Route
from appliance.plugin_host.entries import InstalledPlugin, Instance
from appliance.plugin_host.kinds import Kind

# --- what runs ------------------------------------------------------------------------------------------------

INSTANCE_FIELDS: Mapping[str, Field] = {
    "name": Field(form=forms.source_name(), doc="The instance's name here, unique among all instances."),
    "plugin": Field(form=plugin_forms.plugin_name(), doc="The plugin: a built-in, or the name of a `[[plugin]]`."),
    "settings": Field(
        form=plugin_forms.settings(),
        doc="The plugin's own settings. Secrets are files: `readytrader plugin secret NAME SECRET`.",
        required=False,
        default={},
    ),
    "hosts": Field(
        form=plugin_forms.hosts(),
        doc="Hosts that it may reach beyond those of the plugin.",
        required=False,
        default=(),
    ),
    "private_hosts": Field(
        form=plugin_forms.hosts(),
        doc="Hosts that it may reach even at a private or loopback address.",
        required=False,
        default=(),
    ),
}
"""What every instance has, of whatever kind."""

DEFAULT_SOURCES = (Source(name="sample", plugin="sample", priority=2, settings={}),)
"""Made-up prices, so that a first start has a market; refused for real money."""

SOURCE = Array(
    name="source",
    doc="Where market data comes from.",
    identity="name",
    fields={
        **INSTANCE_FIELDS,
        "priority": Field(
            form=forms.whole(0, 2),
            doc="0 (stream) is preferred to 1 (ingested) and 2 (polled).",
            required=False,
            default=2,
        ),
    },
    make=lambda fields: Source(**fields),
    defaults=DEFAULT_SOURCES,
)


def _instance(kind: Kind) -> Callable[[Mapping[str, Any]], Instance]:
    return lambda fields: Instance(kind=kind, **fields)


def _exchange(fields: Mapping[str, Any]) -> Exchange:
    """Without a venue of its own, the instance is the venue of its name."""
    risks, by, seconds = fields["key_risks_accepted"], fields["key_risks_accepted_by"], fields["cancel_after_sec"]
    if bool(risks) != bool(by):
        raise Refusal("key_risks_accepted and key_risks_accepted_by belong together: a risk is taken by somebody")
    return Exchange(
        **{name: value for name, value in fields.items() if name != "cancel_after_sec"}
        | {"venue": fields["venue"] or fields["name"], "cancel_after": seconds or None}
    )


_NO_ORDERS = "It is started and watched; no order goes through it in this version."

EXCHANGE = Array(
    name="exchange",
    doc="An exchange. Real orders go to it in live mode alone, and only where it says `live = true`.",
    identity="name",
    fields={
        **INSTANCE_FIELDS,
        "venue": Field(
            form=forms.venue(),
            doc="The venue that orders name; without it, the instance's name.",
            required=False,
            default="",
        ),
        "live": Field(
            form=forms.boolean(), doc="Whether real orders may go to it, in live mode.", required=False, default=False
        ),
        "cancel_after_sec": Field(
            form=forms.duration(SECOND, 0, 3600),
            doc="How long its dead-man's switch waits for a sign of life until it cancels everything; 0 leaves it off.",
            required=False,
            default=60 * SECOND,
        ),
        "key_risks_accepted": Field(
            form=forms.each(forms.one_of(KeyRisk)),
            doc="Risks of its key that are taken: `withdraw` (it can withdraw), `unverified` (the venue does not say).",
            required=False,
            default=frozenset(),
        ),
        "key_risks_accepted_by": Field(
            form=forms.matching(r"[^\x00-\x1f]{1,200}", "who takes the risks, and why", str),
            doc="Who takes them, and why; written into the journal.",
            required=False,
            default="",
        ),
    },
    make=_exchange,
)
ROUTER = Array(
    name="router",
    doc=f"A DEX router. {_NO_ORDERS}",
    identity="name",
    fields=INSTANCE_FIELDS,
    make=_instance(Kind.ROUTER),
)
SIGNER = Array(
    name="signer",
    doc="What signs transactions, with a key that its worker alone holds.",
    identity="name",
    fields=INSTANCE_FIELDS,
    make=_instance(Kind.SIGNER),
)


def _notifier(fields: Mapping[str, Any]) -> Notifier:
    route = Route(severity_min=fields["severity_min"], events=fields["events"])
    return Notifier(route=route, **{name: value for name, value in fields.items() if name not in _OF_ROUTES})


_OF_ROUTES = ("severity_min", "events")
NOTIFIER = Array(
    name="notifier",
    doc="Where notices for people go. A critical one that no route takes goes to every notifier.",
    identity="name",
    fields={
        **INSTANCE_FIELDS,
        "severity_min": Field(
            form=forms.one_of(Severity),
            doc="The least urgent notices that it is given.",
            required=False,
            default=Severity.INFO,
        ),
        "events": Field(
            form=forms.any_or_each(forms.named(ROUTE_NAMES, f"a family ({', '.join(Family)}) or a kind of notice")),
            doc="What they may be about; [service](../service/README.md#notices) has the kinds.",
            required=False,
            default=None,
        ),
    },
    make=_notifier,
)

# --- what may run ---------------------------------------------------------------------------------------------

PLUGIN = Array(
    name="plugin",
    doc="A third party's plugin and what it may do; written by `readytrader plugin install`.",
    identity="name",
    fields={
        "name": Field(form=plugin_forms.plugin_name(), doc="The plugin's name: its entry point, and its folder."),
        "wheel": Field(form=plugin_forms.wheel_name(), doc="The wheel's file name in `plugins/NAME`."),
        "version": Field(form=plugin_forms.version(), doc="The version that the publisher signed."),
        "sha256": Field(form=plugin_forms.sha256(), doc="Of the wheel."),
        "publisher": Field(form=plugin_forms.publisher(), doc="The key that its manifest must be signed with."),
        "kinds": Field(form=plugin_forms.kinds(), doc="What it may register."),
        "hosts": Field(
            form=plugin_forms.hosts(),
            doc="Hosts that it may reach, never at a private or loopback address.",
            required=False,
            default=(),
        ),
        "secrets": Field(
            form=plugin_forms.names("a secret's name"),
            doc="Secrets that each of its instances is given.",
            required=False,
            default=(),
        ),
        "file_settings": Field(
            form=plugin_forms.names("a setting's name"),
            doc="Settings whose value is one or more paths, with commas, that an instance may read.",
            required=False,
            default=(),
        ),
        "dependencies": Field(
            form=plugin_forms.dependencies(),
            doc="The wheels that it depends on, in the same folder: file name to SHA-256.",
            required=False,
            default={},
        ),
        "enabled": Field(form=forms.boolean(), doc="Whether instances of it may run.", required=False, default=True),
    },
    make=lambda fields: InstalledPlugin(**fields),
)

# --- what is traded -------------------------------------------------------------------------------------------

_INCREMENT = forms.decimal("0", "1000000", above=True)
_MINIMUM = forms.decimal("0", "1000000000")


def _spot(symbol: str, price: str, quantity: str) -> Instrument:
    base, _, quote = symbol.partition("/")
    return Instrument(
        symbol=Symbol(symbol),
        base=Asset(base),
        quote=Asset(quote),
        price_increment=Decimal(price),
        quantity_increment=Decimal(quantity),
        quantity_min=Decimal(quantity),
        notional_min=Decimal(5),
        market_type=MarketType.SPOT,
        status=InstrumentStatus.TRADING,
    )


DEFAULT_INSTRUMENTS = (
    _spot("BTC/USDT", "0.01", "0.00001"),
    _spot("ETH/USDT", "0.01", "0.0001"),
    _spot("SOL/USDT", "0.01", "0.001"),
)
"""With the increments and the minimum of 5 USDT that the largest exchange's spot market has."""


def _instrument(fields: Mapping[str, Any]) -> Instrument:
    base, _, quote = fields["symbol"].partition("/")
    if base == quote:
        raise Refusal(f"base and quote are both {base}")
    if fields["quantity_min"] % fields["quantity_increment"] != 0:
        raise Refusal("quantity_min is not a multiple of quantity_increment")
    return Instrument(base=Asset(base), quote=Asset(quote), **fields)


INSTRUMENT = Array(
    name="instrument",
    doc="What can be traded, and in which steps.",
    identity="symbol",
    fields={
        "symbol": Field(form=forms.symbol(), doc="`BASE/QUOTE`, unique."),
        "price_increment": Field(form=_INCREMENT, doc="Prices are multiples of this, in quote units."),
        "quantity_increment": Field(form=_INCREMENT, doc="Quantities are multiples of this, in base units."),
        "quantity_min": Field(form=_MINIMUM, doc="The smallest quantity, in base units."),
        "notional_min": Field(form=_MINIMUM, doc="The smallest price × quantity, in quote units."),
    },
    make=_instrument,
    defaults=DEFAULT_INSTRUMENTS,
)

INSTANCES = (SOURCE, EXCHANGE, ROUTER, SIGNER, NOTIFIER)
"""Every array whose elements become workers."""
ARRAYS = (*INSTANCES, PLUGIN, INSTRUMENT)
"""Every array, in the order of the manual."""
