"""The one call of the made-up contract, to bytes and back (Solidity ABI: a selector and words of 32 bytes).

`swap(address from, uint256 amount, address to, uint256 minimum, address receiver, uint256 deadline)`
"""

from __future__ import annotations

from msgspec import Struct
from readytrader_sdk.errors import Unsupported

SELECTOR = bytes.fromhex("30426b58")
_WORD = 32


class Swap(Struct, frozen=True, kw_only=True):
    """The call's arguments: addresses as text, amounts in the smallest unit, the deadline in seconds since 1970."""

    from_token: str
    amount: int
    to_token: str
    minimum: int
    receiver: str
    deadline: int


def encode(swap: Swap) -> bytes:
    """The bytes of the call."""
    words = (
        _address_word(swap.from_token),
        swap.amount.to_bytes(_WORD, "big"),
        _address_word(swap.to_token),
        swap.minimum.to_bytes(_WORD, "big"),
        _address_word(swap.receiver),
        swap.deadline.to_bytes(_WORD, "big"),
    )
    return SELECTOR + b"".join(words)


def decode(data: bytes) -> Swap:
    """The arguments of a call. Raises `Unsupported` for bytes that are not exactly this call."""
    if len(data) != len(SELECTOR) + 6 * _WORD or not data.startswith(SELECTOR):
        raise Unsupported(f"the data is no swap of this router: {len(data)} bytes, selector {data[:4].hex()}")
    words = [data[at : at + _WORD] for at in range(len(SELECTOR), len(data), _WORD)]
    return Swap(
        from_token=_address(words[0]),
        amount=int.from_bytes(words[1], "big"),
        to_token=_address(words[2]),
        minimum=int.from_bytes(words[3], "big"),
        receiver=_address(words[4]),
        deadline=int.from_bytes(words[5], "big"),
    )


def _address_word(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x")).rjust(_WORD, b"\0")


def _address(word: bytes) -> str:
    if any(word[:12]):
        raise Unsupported("the data has an address of more than 20 bytes")
    return "0x" + word[12:].hex()
