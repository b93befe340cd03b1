"""Insights and strategies: what people and agents write for each other. No rule reads them."""

from __future__ import annotations

from typing import Annotated

from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta

from appliance.transport import operator_wire as wire
from appliance.transport.insight_acts import InsightsView, InsightView, StrategiesView, StrategyView
from appliance.transport.operator_http.bodies import Body
from appliance.transport.operator_http.signed_in import OPERATOR, VIEWER, Asked
from appliance.transport.operator_results import Done


class NewInsight(Body, frozen=True, kw_only=True):
    symbol: wire.SymbolName
    signal: wire.Signal
    confidence: wire.Confidence
    reasoning: wire.Reasoning = ""
    ttl_seconds: wire.InsightLife = 3600


class NewStrategy(Body, frozen=True, kw_only=True):
    name: wire.Name
    text: Annotated[str, Meta(min_length=1, max_length=4000)]
    symbols: Annotated[tuple[wire.SymbolName, ...], Meta(max_length=50)] = ()


@get("/api/insights", opt=VIEWER)
async def insights(asking: Asked, symbol: FromQuery[wire.SymbolName | None] = None) -> InsightsView:
    """What is thought of the markets now, the newest first."""
    return await asking.one(wire.ListInsights(symbol=symbol), InsightsView)


@post("/api/insights", opt=OPERATOR, status_code=200)
async def post_insight(asking: Asked, data: JSONBody[NewInsight]) -> InsightView:
    """Say what you think of a market, for a while."""
    verb = wire.PostInsight(
        symbol=data.symbol,
        signal=data.signal,
        confidence=data.confidence,
        reasoning=data.reasoning,
        ttl_seconds=data.ttl_seconds,
    )
    return await asking.one(verb, InsightView)


@get("/api/strategies", opt=VIEWER)
async def strategies(asking: Asked) -> StrategiesView:
    """The strategies in force, by name."""
    return await asking.one(wire.ListStrategies(), StrategiesView)


@post("/api/strategies", opt=OPERATOR, status_code=200)
async def set_strategy(asking: Asked, data: JSONBody[NewStrategy]) -> StrategyView:
    """Write a strategy down, in the place of an older one of this name."""
    return await asking.one(wire.SetStrategy(name=data.name, text=data.text, symbols=data.symbols), StrategyView)


@post("/api/strategies/{name:str}/withdraw", opt=OPERATOR, status_code=200)
async def withdraw_strategy(asking: Asked, name: FromPath[wire.Name]) -> Done:
    """Take a strategy out of force."""
    return await asking.one(wire.WithdrawStrategy(name=name), Done)


ROUTES = (insights, post_insight, strategies, set_strategy, withdraw_strategy)
