"""The gate in a worker: the permit check as it was before the plugin was imported."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from readytrader_sdk.instruments import VenueId

from appliance.plugin_host.gate import Gate, PermitRefused
from appliance.plugin_host.kinds import Kind
from appliance.plugin_host.specs import WorkerSpec
from appliance.plugin_host.worker.sealing import sealed
from appliance.plugin_host.worker.serving import Gates, Perform


def gates_of(spec: WorkerSpec) -> Gates:
    """What makes this worker's gate. A signer or router takes permits for its own name, as an exchange for its venue.

    All that the gate will use is bound here. Raises `ValueError` for a key that is none, and for an exchange that is no
    venue.
    """
    if spec.kind is Kind.EXCHANGE and not spec.venue:
        raise ValueError(f"{spec.name}: an exchange needs a venue")
    gate_of, clock = sealed(Gate), partial(datetime.now, UTC)
    public_key = Ed25519PublicKey.from_public_bytes(spec.permit_key)
    venue = VenueId(spec.venue or spec.name)

    def make_gate(port: object, is_halted: Callable[[], bool]) -> Perform:
        return gate_of(port, public_key, clock, is_halted, venue).perform

    return make_gate, (PermitRefused,)
