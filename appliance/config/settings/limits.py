"""`[limits]`: how much, how fast, and how far from the market."""

from __future__ import annotations

from decimal import Decimal

from readytrader_sdk.instruments import Asset

from appliance.config import forms
from appliance.config.forms import SECOND
from appliance.config.settings.setting import SEED, Family, numbers, setting

ACCOUNTING_ASSET = setting(
    "limits.accounting_asset",
    forms.asset(),
    "The asset in which equity, notional and loss are measured.",
    default=Asset("USDT"),
    basis="what the default instruments are quoted in",
)
CASH_ASSETS = setting(
    "limits.cash_assets",
    forms.each(forms.asset()),
    "Assets that count as being out of the market: selling into them is an exit.",
    default=frozenset({Asset("USDT"), Asset("USDC"), Asset("USD")}),
    basis="the dollar and its two largest stablecoins",
)
POSITION_MAX_PCT = setting(
    "limits.position_max_pct",
    forms.percent(),
    "One position after the trade, open orders included.",
    default=numbers("5", "10", "25"),
    basis=SEED,
    unit="% of equity",
)
EXPOSURE_MAX_PCT = setting(
    "limits.exposure_max_pct",
    forms.percent(),
    "All positions outside cash together, open orders included.",
    default=numbers("50", "75", "100"),
    basis="at most what is owned; half of it where caution is asked for",
    unit="% of equity",
)
DAILY_LOSS_MAX_PCT = setting(
    "limits.daily_loss_max_pct",
    forms.percent(),
    "Loss since 00:00 UTC that stops entries; exits still pass.",
    default=numbers("5", "10", "20"),
    basis=SEED,
    unit="% of net asset value",
)
DRAWDOWN_MAX_PCT = setting(
    "limits.drawdown_max_pct",
    forms.percent(),
    "Fall from the highest net asset value that stops entries; exits still pass.",
    default=numbers("10", "20", "40"),
    basis=SEED,
    unit="% of net asset value",
)
NAV_JUMP_MAX_PCT = setting(
    "limits.nav_jump_max_pct",
    forms.percent(),
    "A fall of net asset value between two heartbeats that leaves only exits until a person looks.",
    default=numbers("3", "6", "12"),
    basis="more than half of a day's loss limit at once is not trading, it is a fault",
    unit="% of net asset value",
)
_NO_ABSOLUTE = "no absolute amount suits every portfolio: on paper the percentages bound it; live trading needs one"
NOTIONAL_ORDER_MAX = setting(
    "limits.notional_order_max",
    forms.optional(forms.amount()),
    "One order, at the worst price that it may trade at.",
    default=None,
    basis=_NO_ABSOLUTE,
    unit="accounting asset",
    environment="MAX_TRADE_AMOUNT",
)
NOTIONAL_CEX_ORDER_MAX = setting(
    "limits.notional_cex_order_max",
    forms.optional(forms.amount()),
    "One order at an exchange; the smaller of this and the one above holds.",
    default=None,
    basis=_NO_ABSOLUTE,
    unit="accounting asset",
    environment="MAX_CEX_ORDER_AMOUNT",
)
TRANSFER_NATIVE_MAX = setting(
    "limits.transfer_native_max",
    forms.optional(forms.amount()),
    "One transfer; `off` means that nothing can be transferred.",
    default=None,
    basis="transfers are off until an operator allows them",
    unit="native asset of the chain",
    environment="MAX_TRANSFER_NATIVE",
)
COLLAR_HARD_PCT = setting(
    "limits.collar_hard_pct",
    forms.percent("50"),
    "How far beyond the market a price may be; the worst price of a market order.",
    default=numbers("2", "3", "5"),
    basis="several times the spread of a liquid instrument, far inside a bad print",
    unit="% of the market's price",
)
COLLAR_SOFT_PCT = setting(
    "limits.collar_soft_pct",
    forms.optional(forms.percent("50")),
    "Beyond this a person must approve; never above the hard collar.",
    default=None,
    basis="`auto` asks nobody unless told to",
    unit="% of the market's price",
)
SLIPPAGE_MAX_PCT = setting(
    "limits.slippage_max_pct",
    forms.percent("50"),
    "How far below the quoted output a swap may end.",
    default=Decimal(1),
    basis=SEED,
    unit="% of the quoted output",
    environment="DEX_SLIPPAGE_PCT",
)
SPREAD_MAX_PCT = setting(
    "limits.spread_max_pct",
    forms.percent("50"),
    "A wider market is not traded in.",
    default=numbers("1", "2", "5"),
    basis="liquid instruments stand below a tenth of it",
    unit="% of the mid price",
)
DEPTH_MAX_PCT = setting(
    "limits.depth_max_pct",
    forms.optional(forms.percent("100000")),
    "One order against the size at the best price on the other side.",
    default=None,
    basis="the best level flickers; the hard collar already bounds what a thin market can cost",
    unit="% of the size shown",
)
FEE_MAX_PCT = setting(
    "limits.fee_max_pct",
    forms.percent("10"),
    "The worst fee rate, reserved with every order.",
    default=Decimal("0.2"),
    basis="twice the largest exchange's first tier",
    unit="% of notional",
)
OPEN_ORDERS_MAX = setting(
    "limits.open_orders_max",
    forms.whole(1, 10_000),
    "Open orders at one time.",
    default=(20, 50, 100),
    basis="what a person can look through; venues allow about 200",
    unit="orders",
)
OPEN_NOTIONAL_MAX_PCT = setting(
    "limits.open_notional_max_pct",
    forms.percent("1000"),
    "Open orders together.",
    default=numbers("25", "50", "100"),
    basis="half of what all positions may be, or all of it",
    unit="% of equity",
)
TURNOVER_MAX_PCT = setting(
    "limits.turnover_max_pct",
    forms.percent("100000"),
    "What one agent may trade in the turnover window; exits count and are not stopped.",
    default=numbers("100", "300", "1000"),
    basis="once, three times, ten times the portfolio a day: fees, not prices, ruin beyond it",
    unit="% of equity",
)
TURNOVER_WINDOW = setting(
    "limits.turnover_window_sec",
    forms.duration(SECOND, 60, 2_592_000),
    "Over how long turnover is counted.",
    default=86_400 * SECOND,
    basis="a day",
    unit="s",
)
DUPLICATE_WINDOW = setting(
    "limits.duplicate_window_sec",
    forms.duration(SECOND, 1, 3_600),
    "The same order again within this, without a key of its own, is refused.",
    default=10 * SECOND,
    basis="longer than any client's retry",
    unit="s",
)
REPEATED_ORDERS_MAX = setting(
    "limits.repeated_orders_max",
    forms.whole(1, 10_000),
    "Orders of one shape in the window below; one more disables the agent until a person looks.",
    default=(10, 20, 50),
    basis="half, all and more than a minute's executions (MiFID II RTS 6, article 15(3))",
    unit="orders",
)
REPEATED_WINDOW = setting(
    "limits.repeated_window_sec",
    forms.duration(SECOND, 1, 86_400),
    "Over how long repeated orders are counted.",
    default=60 * SECOND,
    basis="a minute, as the rate limits",
    unit="s",
)
REJECTS_MAX = setting(
    "limits.rejects_max",
    forms.whole(1, 10_000),
    "Rejections by a venue in the window below; one more leaves only cancels there.",
    default=(5, 10, 20),
    basis="a few are chance, more are a fault",
    unit="rejections",
)
REJECTS_WINDOW = setting(
    "limits.rejects_window_sec",
    forms.duration(SECOND, 1, 86_400),
    "Over how long rejections are counted.",
    default=60 * SECOND,
    basis="a minute, as the rate limits",
    unit="s",
)
DRIFT_MAX_PCT = setting(
    "limits.drift_max_pct",
    forms.percent(),
    "How much of equity a live venue's balances may differ from the journal's; beyond it only cancels pass there.",
    default=numbers("0.1", "0.5", "1"),
    basis="dust and rebates are less, a lost fill is more",
    unit="% of equity",
)
FOREIGN_ORDERS_MAX = setting(
    "limits.foreign_orders_max",
    forms.whole(0, 1000),
    "Open orders at a live venue that nobody here sent; one more leaves only cancels there.",
    default=0,
    basis="an account that somebody else trades on too has limits that nobody keeps",
    unit="orders",
)
DATA_LOSS_MAX = setting(
    "limits.data_loss_max_sec",
    forms.duration(SECOND, 1, 86_400),
    "How long real orders may stand without a fresh quote; after it only cancels pass for their instrument.",
    default=60 * SECOND,
    basis="longer than a source takes to come back, or another to take over",
    unit="s",
)
LOOSENING_DELAY = setting(
    "limits.loosening_delay_sec",
    forms.duration(SECOND, 1, 604_800),
    "How long a limit that is loosened while the core runs waits until it holds; meanwhile anybody can take it back.",
    default=600 * SECOND,
    basis="long enough that whoever is told can object",
    unit="s",
)
QUANTITY_ORDER_MAX = Family(
    key="limits.quantity_order_max",
    environment="MAX_TRADE_AMOUNT_<TOKEN>",
    member=forms.asset(),
    upper=True,
    form=forms.amount(),
    unit="units of the asset",
    doc="One order in this base asset, in the asset's own units.",
    basis="none is set",
)
