"""The methods of one kind as a worker calls them: arguments in, by type; results out, checked to the last digit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from appliance.plugin_host import amounts
from appliance.plugin_host.kinds import METHODS, Kind, Method
from appliance.plugin_host.messages import FRAME_BYTES_MAX, encode_value

RESULT_BYTES_MAX = FRAME_BYTES_MAX - 1024
"""The rest of a frame is for the message around it."""


class ImpossibleResult(Exception):
    """What the plugin gave is not what the port promises. The message says how, without the value."""


class Prepared:
    """One method with its decoders made. They are made before the plugin is there."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self.arguments: Callable[[bytes], tuple[Any, ...]] = _decoder(tuple.__class_getitem__(method.takes))
        """Raises `msgspec.MsgspecError`."""
        self._check = amounts.checker(method.gives)
        self._decode = _decoder(method.gives)

    def encode(self, result: object) -> bytes:
        """The JSON of a result, or of one item of a stream. Raises `ImpossibleResult`."""
        try:
            self._check(result)
            text = encode_value(result)
            self._decode(text)
        except Exception as error:  # a foreign object may do anything when it is looked at
            raise ImpossibleResult(f"{self.method.name} gave {_how(error)}") from error
        if len(text) > RESULT_BYTES_MAX:
            raise ImpossibleResult(f"{self.method.name} gave {len(text)} bytes; at most {RESULT_BYTES_MAX} can be sent")
        return text


def prepared(kind: Kind) -> Mapping[str, Prepared]:
    """Every method that the core may call in a worker of this kind, by name."""
    return {method.name: Prepared(method) for method in METHODS.values() if method.kind is kind}


def _decoder(of: Any) -> Callable[[bytes], Any]:
    return msgspec.json.Decoder(of).decode


def _how(error: Exception) -> str:
    """Our own words may be told; those of an error from within a foreign object may not."""
    if type(error) in (amounts.ImpossibleAmount, amounts.ImpossibleTime):
        return str(error)
    return f"what its type does not allow ({type(error).__name__})"
