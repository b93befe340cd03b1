"""What a person says of a live venue: over a scripted one, whose answers are ours."""

from __future__ import annotations

from pathlib import Path

from readytrader_sdk.errors import Unavailable
from readytrader_sdk.orders import OrderState

from appliance.domain.operators import Role
from appliance.domain.trading_state import TradingState
from tests.operator_http.serving import PASSWORD, add_operator, listening
from tests.page.browser import chromium_running, run
from tests.page.people import add_passkey
from tests.service.live import BRISK, open_live
from tests.service.rig import buy
from tests.service.scripted_venue import EVERY_OPTION
from tests.service.test_enquiries import LOST
from tests.service.test_reconciliation import USDT


def test_an_order_in_doubt_and_a_balance_that_drifted_are_settled_by_a_persons_word(tmp_path: Path) -> None:
    async def scenario() -> None:
        cautious = EVERY_OPTION | {"caveats"}
        async with (
            open_live(tmp_path, options=cautious) as rig,
            listening(rig.core) as http,
            chromium_running() as browsers,
        ):
            await add_operator(rig.core, "alice", Role.OPERATOR)
            alice = await browsers.visitor(http.port)
            await alice.open()
            await alice.sign_in("alice", PASSWORD)
            await alice.sees("Live money")
            await add_passkey(alice)

            rig.venue.always["find_order"] = Unavailable("dark")
            rig.venue.before["place_order"].append(LOST)
            order_id = (await rig.sent(buy("0.01", "49000"))).order.client_order_id
            await alice.go("orders", "Orders and fills")
            await alice.press("Resolve…")
            await alice.page.get_by_label("Reason").fill("no such order in the venue's own list")
            await alice.answer("Use a passkey")
            await alice.sees("Your word is on record.")
            assert rig.of(order_id).state is OrderState.ABSENT

            rig.venue.money[USDT] += 50_000
            await rig.turn(BRISK.drift_seen_min)
            assert rig.at_venue() is TradingState.CANCEL_ONLY
            await alice.go("plugins", "Plugins and venues")
            await alice.sees("it has no list of orders that ended")
            await alice.sees("Balances that the journal does not explain:")
            await alice.press("Accept the venue’s word…")
            await alice.page.get_by_label("Reason").fill("a deposit")
            await alice.answer("Use a passkey")
            await alice.sees("The venue’s balances are the journal’s now.")
            assert await rig.watch.accept_drift("operator:bob", "again") == (), "nothing is left to accept"
            assert not alice.complaints

    run(scenario())
