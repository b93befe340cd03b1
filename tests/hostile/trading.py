"""Orders to a hostile exchange on the stage, with permits good and bad."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from readytrader_sdk.orders import OrderRequest

from appliance.domain.decision import Action, SignedPermit
from appliance.plugin_host.health import Patience, WorkerHealth
from appliance.plugin_host.kinds import Kind
from tests.hostile.stage import SIGNER, Stage, new_stage, source_of, with_sibling
from tests.plugin_host.rig import order, permit

QUICK = Patience(pause_first=0.001, pause_longest=0.01, ping_every=0.1, ping_answer=3, end=0.5)
SECRET = "s3cr3t/of the+rogue=ÿ"


def signed(payload: OrderRequest, action: Action = Action.PLACE, **changes: Any) -> SignedPermit:
    """The core's permit for a payload, with other words in it where a test wants them."""
    return SIGNER.sign(msgspec.structs.replace(permit(payload, action).permit, **changes))


class Rogue:
    """The hostile exchange's worker, as the core uses it."""

    def __init__(self, stage: Stage, name: str = "rogue") -> None:
        self.stage = stage
        self.name = name
        self._count = 0

    @property
    def health(self) -> WorkerHealth:
        return self.stage.worker(self.name).health()

    def next_order(self, behaviour: str = "honest") -> OrderRequest:
        """One that the plugin does this with."""
        self._count += 1
        return order(f"{behaviour}/{self._count}")

    def place(self, payload: OrderRequest, leave: SignedPermit | None = None, timeout_s: float = 30) -> object:
        """The report, or whatever the core is told instead, raised."""
        given = signed(payload) if leave is None else leave
        return self.stage.run(
            self.stage.worker(self.name).call("place_order", payload, permit=given, timeout_s=timeout_s)
        )

    def ready(self) -> None:
        self.stage.ready(self.name)

    def reached(self, payload: OrderRequest) -> bool:
        """Whether the plugin's own method saw it."""
        return self.reached_as(payload.client_order_id)

    def reached_as(self, client_order_id: str) -> bool:
        """The same, by the order's ID."""
        return (self.stage.home.plugin_state / self.name / Path(client_order_id).name).exists()

    def are_others_well(self) -> bool:
        return self.stage.notify("sibling", "are you well?") == ""


@contextmanager
def rogue(
    patience: Patience = QUICK, *, before: str = "", after: str = "", wait: bool = True, **more: Any
) -> Iterator[Rogue]:
    """The exchange in its worker, ready; `before` and `after` are code around its own."""
    files = source_of("rogue", "exchange.py")
    files["__init__.py"] = files["__init__.py"].replace("CHANNEL = ", f"{before}\nCHANNEL = ", 1) + "\n\n" + after
    with new_stage() as stage:
        with_sibling(stage)
        stage.install("rogue", files, [Kind.EXCHANGE], ["token"])
        stage.instance(Kind.EXCHANGE, "rogue", "rogue", {"token": SECRET}, **{"venue": "paper", **more})
        stage.start(patience, wait=wait)
        yield Rogue(stage)
