"""What a core finds in its home: keys, the journal, and the state that its records hold."""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path

import msgspec
from readytrader_sdk.orders import ExecutionReport, OrderRequest, OrderState

from appliance.domain.orders import PAPER_ACCOUNT
from appliance.domain.series import trade_id
from appliance.domain.state import RECORD_TYPES, State, Touched
from appliance.domain.told import INSIGHT_LIFE_MAX
from appliance.durable import make_file, replace_file
from appliance.home import Home, HomeRefused, read_private
from appliance.paper.venue import OpenOrder, PaperVenue
from appliance.redaction import SECRETS
from appliance.store.checkpoint import CheckpointKey, InvalidCheckpoint
from appliance.store.journal import Journal

KEY_BYTES = 32
_COPY = "put back a copy of it, or start with an empty home"


def open_journal(home: Home) -> Journal:
    """The journal of a home, made when there is none; its public key is put beside it for auditors."""
    key = checkpoint_key(home)
    SECRETS.keep(read_private(home.checkpoint_key).decode().strip())
    journal = Journal.open(home.journal, key)
    vkey = f"{key.verifier(journal.origin).vkey}\n".encode()
    if not home.vkey.exists() or home.vkey.read_bytes() != vkey:
        replace_file(home.vkey, vkey, 0o644)
    return journal


def checkpoint_key(home: Home) -> CheckpointKey:
    """The key that signs the journal's checkpoints; made when there is none and no journal that would need it."""
    if home.checkpoint_key.exists():
        read_private(home.checkpoint_key)
        try:
            return CheckpointKey.load(home.checkpoint_key)
        except InvalidCheckpoint as fault:
            raise HomeRefused(f"{fault}; {_COPY}") from fault
    if home.journal.exists():
        raise HomeRefused(f"{home.checkpoint_key}: missing, and {home.journal} was signed with it; {_COPY}")
    return CheckpointKey.create(home.checkpoint_key)


def load_state(state: State, journal: Journal, now: datetime) -> None:
    """Everything live, and what counts for a while after its end, from the journal's records."""
    since = {"order": now - state.recent.window, "insight": now - INSIGHT_LIFE_MAX}
    for kind, value_type in RECORD_TYPES.items():
        decoder = msgspec.json.Decoder(value_type)
        records = {record.id: record for record in journal.load(kind)}
        if kind in since:
            records |= {record.id: record for record in journal.load(kind, live_only=False, since=since[kind])}
        elif kind == "equity":
            records = {record.id: record for record in journal.page(kind, limit=1)}
        for record in records.values():
            state.put(Touched(kind, record.id, record.live, record.at, decoder.decode(record.body)))
    for client_order_id, order in state.orders.items():
        if order.filled_quantity:
            state.fills.add(client_order_id, journal.ids_under("trade", trade_id(client_order_id, "")))


def restore_paper(venue: PaperVenue, state: State) -> tuple[ExecutionReport, ...]:
    """Rebuild the paper venue from what the journal knows; reports on the orders that could not be taken up again."""
    resting = [
        OpenOrder(request=order.payload, filled=order.filled_quantity)
        for order in sorted(state.live_orders.values(), key=lambda order: order.created_at)
        if order.state in (OrderState.OPEN, OrderState.PARTLY_FILLED) and isinstance(order.payload, OrderRequest)
    ]
    return venue.restore(dict(state.held(PAPER_ACCOUNT)), resting)


def secret_key(path: Path) -> bytes:
    """32 random bytes that stay in one file, 0600; made when missing."""
    key = secrets.token_bytes(KEY_BYTES)
    try:
        make_file(path, key, 0o600)
    except FileExistsError:
        key = read_private(path)
        if len(key) != KEY_BYTES:
            raise HomeRefused(f"{path}: expected {KEY_BYTES} bytes, found {len(key)}") from None
    SECRETS.keep(key)
    return key
