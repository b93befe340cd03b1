"""EIP-712: the digest of a typed message, read so strictly that nothing is signed which the text does not say.

Sources: EIP-712 (encodeType, encodeData, hashStruct, the domain's fields and their order). Stricter than it has to be:
a message has exactly the fields of its type; a number is whole and in range; bytes have the length of their type;
nothing is null, missing, named twice, or guessed from another kind of value. What is refused could be signed only by
guessing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from builtin_plugins.evm_signing.addresses import address_from_text, keccak256

TEXT_MAX = 256 * 1024
DEPTH_MAX = 32
"""Of structs and arrays within each other."""
TYPES_MAX = 100
TYPE_TEXT_MAX = 200
DOMAIN = "EIP712Domain"
DOMAIN_FIELDS = {
    "name": "string",
    "version": "string",
    "chainId": "uint256",
    "verifyingContract": "address",
    "salt": "bytes32",
}
"""In the order in which they are hashed."""

_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,127}", re.ASCII)
_ARRAY = re.compile(r"(.+)\[([1-9]\d{0,4})?\]", re.ASCII)
_INTEGER = re.compile(r"(u?)int([1-9]\d{0,2})", re.ASCII)
_FIXED = re.compile(r"bytes([1-9]\d?)", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9]\d{0,77})", re.ASCII)
_HEX_NUMBER = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)
_HEX_BYTES = re.compile(r"0x([0-9a-fA-F]{2})*", re.ASCII)


class _Types(Struct, frozen=True):
    members: Mapping[str, Mapping[str, str]]
    """By type the fields, each with its type, in their order."""
    hashes: Mapping[str, bytes]
    """By type its `typeHash`."""


def digest_of(text: str, chain_id: int) -> bytes:
    """What is signed: `keccak256(0x1901 || domain separator || hashStruct(message))`.

    `text` is JSON with `types`, `primaryType`, `domain` (whose `chainId` must be `chain_id`) and `message`. Raises
    `ValueError` that says where and what is wrong.
    """
    document = _object(_parsed(text), "typed data", {"types", "primaryType", "domain", "message"})
    domain = _object(document["domain"], "domain")
    types = _types(document["types"], domain)
    primary = document["primaryType"]
    if not isinstance(primary, str) or primary == DOMAIN or primary not in types.members:
        raise ValueError("primaryType: expected the name of one of the types")
    if "chainId" not in domain or _integer(domain["chainId"], "uint256", "domain.chainId") != chain_id:
        raise ValueError(f"domain.chainId: expected {chain_id}, the chain that was asked for")
    hashes = (_struct(types, DOMAIN, domain, "domain", 0), _struct(types, primary, document["message"], "message", 0))
    return keccak256(b"\x19\x01" + b"".join(hashes))


def _parsed(text: str) -> object:
    if len(text) > TEXT_MAX:
        raise ValueError(f"typed data: expected at most {TEXT_MAX} characters, got {len(text)}")
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise ValueError(f"typed data: expected JSON: {error.msg} at {error.pos}") from None
    except RecursionError:
        raise ValueError("typed data: nested too deeply") from None


def _unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("typed data: a name is there twice")
    return found


def _object(value: object, where: str, names: set[str] | None = None) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected an object")
    if names is not None and value.keys() != names:
        strange = sorted(value.keys() ^ names)[0]
        raise ValueError(f"{where}: a field is missing or unknown: {strange[:60]!r}")
    return value


def _types(value: object, domain: Mapping[str, object]) -> _Types:
    described = _object(value, "types")
    if len(described) > TYPES_MAX:
        raise ValueError(f"types: expected at most {TYPES_MAX}, got {len(described)}")
    types = {name: _members(name, members) for name, members in described.items()}
    fields = {name: type_ for name, type_ in DOMAIN_FIELDS.items() if name in domain}
    # Wallets may leave the domain's type out: its fields then follow from the domain.
    if list(types.setdefault(DOMAIN, fields).items()) != list(fields.items()):
        raise ValueError(f"types.{DOMAIN}: expected the domain's fields as EIP-712 orders them")
    for name, members in types.items():
        for type_ in members.values():
            if (element := _element(type_)) == DOMAIN or not (element in types or _is_atomic(element)):
                raise ValueError(f"types.{name}: no such type: {type_[:60]!r}")
    return _Types(types, {name: keccak256(_type_text(types, name).encode()) for name in types})


def _members(name: str, value: object) -> dict[str, str]:
    where = f"types.{name[:60]}"
    if not _NAME.fullmatch(name) or _is_atomic(name):
        raise ValueError(f"{where}: not a name for a type")
    if not isinstance(value, list):
        raise ValueError(f"{where}: expected a list")
    members: dict[str, str] = {}
    for entry in value:
        member = _object(entry, where, {"name", "type"})
        field, type_ = member["name"], member["type"]
        if not isinstance(field, str) or not isinstance(type_, str) or not _NAME.fullmatch(field) or field in members:
            raise ValueError(f"{where}: expected every field once, each with a name and a type")
        if len(type_) > TYPE_TEXT_MAX:
            raise ValueError(f"{where}: a type's text is too long")
        members[field] = type_
    return members


def _element(type_: str) -> str:
    """What an array of arrays is in the end made of."""
    while found := _ARRAY.fullmatch(type_):
        type_ = found[1]
    return type_


def _is_atomic(type_: str) -> bool:
    if type_ in ("bool", "address", "string", "bytes"):
        return True
    if found := _INTEGER.fullmatch(type_):
        return int(found[2]) % 8 == 0 and int(found[2]) <= 256
    found = _FIXED.fullmatch(type_)
    return found is not None and int(found[1]) <= 32


def _type_text(types: Mapping[str, Mapping[str, str]], name: str) -> str:
    """encodeType: the type, then all that it refers to, by name."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting += [element for type_ in types[current].values() if (element := _element(type_)) in types]
    ordered = [name, *sorted(found - {name})]
    members = {each: ",".join(f"{type_} {field}" for field, type_ in types[each].items()) for each in ordered}
    return "".join(f"{each}({members[each]})" for each in ordered)


def _struct(types: _Types, name: str, value: object, where: str, depth: int) -> bytes:
    """hashStruct."""
    members = types.members[name]
    fields = _object(value, where, set(members))
    parts = (_encoded(types, type_, fields[field], f"{where}.{field}", depth + 1) for field, type_ in members.items())
    return keccak256(types.hashes[name] + b"".join(parts))


def _encoded(types: _Types, type_: str, value: object, where: str, depth: int) -> bytes:
    """encodeData of one field: 32 bytes."""
    if depth > DEPTH_MAX:
        raise ValueError(f"{where[:60]}: nested too deeply")
    if array := _ARRAY.fullmatch(type_):
        if not isinstance(value, list) or (array[2] and len(value) != int(array[2])):
            raise ValueError(f"{where}: expected a list for {type_}")
        parts = (_encoded(types, array[1], item, f"{where}[{n}]", depth + 1) for n, item in enumerate(value))
        return keccak256(b"".join(parts))
    if type_ in types.members:
        return _struct(types, type_, value, where, depth)
    return _atomic(type_, value, where)


def _atomic(type_: str, value: object, where: str) -> bytes:
    if type_ == "bool":
        if not isinstance(value, bool):
            raise ValueError(f"{where}: expected true or false")
        return int(value).to_bytes(32, "big")
    if _INTEGER.fullmatch(type_):
        return (_integer(value, type_, where) % 2**256).to_bytes(32, "big")
    if not isinstance(value, str):
        raise ValueError(f"{where}: expected a text for {type_}")
    if type_ == "string":
        return keccak256(value.encode())
    if type_ == "address":
        try:
            return address_from_text(value).rjust(32, b"\0")
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
    if not _HEX_BYTES.fullmatch(value):
        raise ValueError(f"{where}: expected 0x and hexadecimal digits for {type_}")
    data = bytes.fromhex(value[2:])
    if type_ == "bytes":
        return keccak256(data)
    if len(data) != int(type_.removeprefix("bytes")):
        raise ValueError(f"{where}: expected exactly the length of {type_}, got {len(data)} bytes")
    return data.ljust(32, b"\0")


def _integer(value: object, type_: str, where: str) -> int:
    """A whole number in the type's range, from JSON's number or from decimal or hexadecimal digits."""
    if isinstance(value, str) and _HEX_NUMBER.fullmatch(value):
        value = int(value, 16)
    elif isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{where}: expected a whole number for {type_}")
    unsigned = type_.startswith("u")
    bits = int(type_.removeprefix("u").removeprefix("int"))
    low, high = (0, 2**bits) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1))
    if not low <= value < high:
        raise ValueError(f"{where}: out of the range of {type_}")
    return value
