"""The one catalog of tools, for every transport and both protocol revisions; and the one way to call one."""

from __future__ import annotations

import logging
import secrets
from types import MappingProxyType

import msgspec

from appliance.domain.agents import AgentScope
from appliance.domain.codes import Code
from appliance.service.agents import Principal
from appliance.service.core import Core
from appliance.service.outcomes import Refused, refuse
from appliance.service.rate_limits import Budget
from appliance.store.journal import JournalUnavailable
from appliance.telemetry.catalog import Stage
from appliance.transport import account_tools, market_tools, order_tools, price_tools
from appliance.transport import tool_arguments as arguments
from appliance.transport.amounts import InvalidArgument
from appliance.transport.foreign_text import printable
from appliance.transport.tool import Caller, Effect, Tool
from appliance.transport.tool_results import Answer, OrderAnswer, OrdersAnswer, refusal_view

log = logging.getLogger(__name__)

_ROWS = (
    Tool(
        name="get_crypto_price",
        description="Bid and ask as the sources agree on them. trusted=false: not to be traded on now.",
        arguments=arguments.GetCryptoPrice,
        result=market_tools.PriceAnswer,
        effect=Effect.READS,
        handler=market_tools.get_crypto_price,
        budget=Budget.READ,
    ),
    Tool(
        name="get_ticker",
        description="Quote with sizes.",
        arguments=arguments.GetTicker,
        result=price_tools.TickerAnswer,
        effect=Effect.READS,
        handler=price_tools.get_ticker,
        budget=Budget.READ,
    ),
    Tool(
        name="get_multiple_prices",
        description="Quotes of up to 50 symbols.",
        arguments=arguments.GetMultiplePrices,
        result=price_tools.PricesAnswer,
        effect=Effect.READS,
        handler=price_tools.get_multiple_prices,
        budget=Budget.READ,
    ),
    Tool(
        name="fetch_ohlcv",
        description="Closed candles, oldest first: opened_at, open, high, low, close, volume. "
        "timeframe: 1m, 5m, 15m, 1h, 4h or 1d.",
        arguments=arguments.FetchOhlcv,
        result=market_tools.CandlesAnswer,
        effect=Effect.READS,
        handler=market_tools.fetch_ohlcv,
        budget=Budget.READ,
    ),
    Tool(
        name="ingest_ticker",
        description="Hand in a quote. Others may trade on it if your token has the scope feed; you never may.",
        arguments=arguments.IngestTicker,
        result=market_tools.IngestAnswer,
        effect=Effect.ADDS,
        handler=market_tools.ingest_ticker,
        budget=Budget.READ,
    ),
    Tool(
        name="ingest_ohlcv",
        description="Hand in closed candles, oldest first. For looking only.",
        arguments=arguments.IngestOhlcv,
        result=market_tools.IngestAnswer,
        effect=Effect.ADDS,
        handler=market_tools.ingest_ohlcv,
        budget=Budget.READ,
    ),
    Tool(
        name="get_marketdata_status",
        description="Which symbols have a trusted quote, and how each source does.",
        arguments=arguments.Arguments,
        result=market_tools.MarketdataAnswer,
        effect=Effect.READS,
        handler=market_tools.get_marketdata_status,
        budget=Budget.READ,
    ),
    Tool(
        name="deposit_paper_funds",
        description="Put paper money into the paper account. It does not count as profit.",
        arguments=arguments.DepositPaperFunds,
        result=account_tools.DepositAnswer,
        effect=Effect.ADDS,
        handler=account_tools.deposit_paper_funds,
        budget=Budget.ORDER,
        scope=AgentScope.PAPER,
    ),
    Tool(
        name="validate_trade_risk",
        description="What every rule says of a trade now, without placing it: its worst case, or all refusals and "
        "the largest amount that would pass.",
        arguments=arguments.ValidateTradeRisk,
        result=order_tools.RiskAnswer,
        effect=Effect.READS,
        handler=order_tools.validate_trade_risk,
        budget=None,
    ),
    Tool(
        name="place_cex_order",
        description="Place an order; amount in the base asset, prices in the quote asset. "
        "Repeat a call safely with the same idempotency_key. status=held: a person must approve first.",
        arguments=arguments.PlaceCexOrder,
        result=OrderAnswer,
        effect=Effect.TRADES,
        handler=order_tools.place_cex_order,
        budget=None,
        scope=None,
    ),
    Tool(
        name="replace_cex_order",
        description="Give one of your open orders another amount or price.",
        arguments=arguments.ReplaceCexOrder,
        result=OrderAnswer,
        effect=Effect.TRADES,
        handler=order_tools.replace_cex_order,
        budget=None,
        scope=None,
    ),
    Tool(
        name="swap_tokens",
        description="Swap an exact amount of one token for another on a chain.",
        arguments=arguments.SwapTokens,
        result=OrderAnswer,
        effect=Effect.TRADES,
        handler=order_tools.swap_tokens,
        budget=None,
        scope=None,
        offered=order_tools.swaps_offered,
    ),
    Tool(
        name="transfer_eth",
        description="Send a chain's native coin to an address in the operator's address book.",
        arguments=arguments.TransferEth,
        result=OrderAnswer,
        effect=Effect.TRADES,
        handler=order_tools.transfer_eth,
        budget=None,
        scope=None,
        offered=order_tools.transfers_offered,
    ),
    Tool(
        name="cancel_cex_order",
        description="Cancel one of your orders; it may have filled first. Works in every trading state.",
        arguments=arguments.OneOrder,
        result=OrderAnswer,
        effect=Effect.LOWERS,
        handler=order_tools.cancel_cex_order,
        budget=Budget.CANCEL,
        scope=None,
    ),
    Tool(
        name="cancel_all_cex_orders",
        description="Cancel all your open orders, or those of one symbol.",
        arguments=arguments.SomeOrders,
        result=order_tools.CancelAllAnswer,
        effect=Effect.LOWERS,
        handler=order_tools.cancel_all_cex_orders,
        budget=Budget.CANCEL,
        scope=None,
    ),
    Tool(
        name="get_cex_order",
        description="One of your orders as it is now.",
        arguments=arguments.OneOrder,
        result=OrderAnswer,
        effect=Effect.READS,
        handler=order_tools.get_cex_order,
        budget=Budget.READ,
    ),
    Tool(
        name="wait_for_cex_order",
        description="Wait until one of your orders has ended, or timeout_sec has passed; then as get_cex_order.",
        arguments=arguments.WaitForCexOrder,
        result=OrderAnswer,
        effect=Effect.READS,
        handler=order_tools.wait_for_cex_order,
        budget=Budget.READ,
    ),
    Tool(
        name="list_cex_open_orders",
        description="Your open orders, oldest first.",
        arguments=arguments.SomeOrders,
        result=OrdersAnswer,
        effect=Effect.READS,
        handler=order_tools.list_cex_open_orders,
        budget=Budget.READ,
    ),
    Tool(
        name="list_cex_orders",
        description="Your newest orders, ended ones included.",
        arguments=arguments.RecentOrders,
        result=OrdersAnswer,
        effect=Effect.READS,
        handler=order_tools.list_cex_orders,
        budget=Budget.READ,
    ),
    Tool(
        name="get_cex_balance",
        description="Balances, equity and profit of the account that all agents share.",
        arguments=arguments.Arguments,
        result=account_tools.BalanceAnswer,
        effect=Effect.READS,
        handler=account_tools.get_cex_balance,
        budget=Budget.READ,
    ),
    Tool(
        name="get_proposal",
        description="What became of a request that was held.",
        arguments=arguments.OneRequest,
        result=order_tools.ProposalAnswer,
        effect=Effect.READS,
        handler=order_tools.get_proposal,
        budget=Budget.READ,
    ),
    Tool(
        name="list_pending_executions",
        description="Your requests that wait for a person.",
        arguments=arguments.Arguments,
        result=order_tools.ProposalsAnswer,
        effect=Effect.READS,
        handler=order_tools.list_pending_executions,
        budget=Budget.READ,
    ),
    Tool(
        name="cancel_execution",
        description="Withdraw one of your requests that wait for a person.",
        arguments=arguments.OneRequest,
        result=order_tools.ProposalAnswer,
        effect=Effect.LOWERS,
        handler=order_tools.cancel_execution,
        budget=Budget.CANCEL,
        scope=None,
    ),
    Tool(
        name="get_policy",
        description="Your limits, what is used of them, and the symbols you may trade.",
        arguments=arguments.Arguments,
        result=account_tools.PolicyAnswer,
        effect=Effect.READS,
        handler=account_tools.get_policy,
        budget=Budget.READ,
    ),
    Tool(
        name="get_health",
        description="Whether trading works now, and who you are.",
        arguments=arguments.Arguments,
        result=account_tools.HealthAnswer,
        effect=Effect.READS,
        handler=account_tools.get_health,
        budget=Budget.READ,
        scope=None,
    ),
)

CATALOG = MappingProxyType({tool.name: tool for tool in _ROWS})


async def call_tool(core: Core, principal: Principal, tool: Tool, raw: object) -> Answer:
    """Call one tool with raw JSON arguments. A fault is a refusal with a reference, never an exception."""
    core.journal.arrived()
    with core.telemetry.stages.request(tool.name, agent=principal.agent_id):
        answer = await _answer(core, principal, tool, raw)
    core.telemetry.tool_called(tool.name, ok=answer.ok)
    return answer


async def _answer(core: Core, principal: Principal, tool: Tool, raw: object) -> Answer:
    try:
        outcome = await _call(Caller(core, principal, tool.name), tool, raw)
    except (msgspec.ValidationError, InvalidArgument) as fault:
        outcome = refuse(Code.INVALID_ARGUMENT, printable(_argument_first(str(fault)), 200))
    except JournalUnavailable as fault:
        outcome = refuse(Code.JOURNAL_UNAVAILABLE, str(fault))
    except Exception:
        reference = secrets.token_hex(4)
        log.exception("tool %s failed; reference %s", tool.name, reference)
        outcome = refuse(Code.INTERNAL_ERROR, f"a fault of the appliance; reference {reference}")
    return refusal_view(outcome) if isinstance(outcome, Refused) else outcome


def _argument_first(fault: str) -> str:
    """What msgspec says of an argument, in the order of our own words: the argument, then what was expected."""
    said, _, path = fault.removesuffix("`").partition(" - at `$.")
    return f"{path}: {said[0].lower()}{said[1:]}" if path else fault


async def _call(caller: Caller, tool: Tool, raw: object) -> Answer | Refused:
    if tool.budget is not None:
        turned_away = caller.core.desk.throttle(caller.principal, tool.budget, tool.name)
        if turned_away is not None:
            return turned_away
    if tool.scope is not None and tool.scope not in caller.principal.scopes:
        return refuse(Code.SCOPE_MISSING, f"{tool.name} needs the scope {tool.scope}", limit=tool.scope)
    with caller.core.telemetry.stages.timed(Stage.PARSE):
        asked = msgspec.convert(raw, tool.arguments)
    return await tool.handler(caller, asked)
