"""EIP-712: the digests of the standard and of eth-account, and a refusal for all that would have to be guessed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builtin_plugins.evm_signing.typed_data import digest_of
from tests.plugins.signing import ADDRESS, TO, foreign_digest

Document = dict[str, Any]

MAIL: Document = {
    "types": {
        "EIP712Domain": [
            {"name": "name", "type": "string"},
            {"name": "version", "type": "string"},
            {"name": "chainId", "type": "uint256"},
            {"name": "verifyingContract", "type": "address"},
        ],
        "Person": [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}],
        "Mail": [
            {"name": "from", "type": "Person"},
            {"name": "to", "type": "Person"},
            {"name": "contents", "type": "string"},
        ],
    },
    "primaryType": "Mail",
    "domain": {
        "name": "Ether Mail",
        "version": "1",
        "chainId": 1,
        "verifyingContract": "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC",
    },
    "message": {
        "from": {"name": "Cow", "wallet": "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},
        "to": {"name": "Bob", "wallet": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},
        "contents": "Hello, Bob!",
    },
}
"""The example of EIP-712."""


def test_the_example_of_the_standard_has_the_digest_of_the_standard() -> None:
    expected = "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2"
    assert digest_of(json.dumps(MAIL), 1).hex() == expected


def test_a_domain_without_its_type_is_that_of_its_fields() -> None:
    without = copy.deepcopy(MAIL)
    del without["types"]["EIP712Domain"]
    assert digest_of(json.dumps(without), 1) == digest_of(json.dumps(MAIL), 1)


PERMIT: Document = {
    "types": {
        "PermitTransferFrom": [
            {"name": "permitted", "type": "TokenPermissions[]"},
            {"name": "spender", "type": "address"},
            {"name": "nonce", "type": "uint256"},
            {"name": "flags", "type": "bool[2][]"},
            {"name": "delta", "type": "int64"},
            {"name": "hook", "type": "bytes"},
            {"name": "salt", "type": "bytes32"},
        ],
        "TokenPermissions": [{"name": "token", "type": "address"}, {"name": "amount", "type": "uint160"}],
    },
    "primaryType": "PermitTransferFrom",
    "domain": {"name": "Permit2", "chainId": 8453, "verifyingContract": TO},
    "message": {
        "permitted": [{"token": ADDRESS, "amount": "1461501637330902918203684832716283019655932542975"}],
        "spender": TO.lower(),
        "nonce": 2**255,
        "flags": [[True, False], [False, False]],
        "delta": -5,
        "hook": "0x00ff",
        "salt": "0x" + "ab" * 32,
    },
}


def test_arrays_numbers_and_bytes_are_hashed_as_eth_account_hashes_them() -> None:
    assert digest_of(json.dumps(PERMIT), 8453) == foreign_digest(PERMIT)


def test_a_number_may_be_written_in_three_ways() -> None:
    digests = set()
    for amount in (255, "255", "0xff"):
        document = copy.deepcopy(PERMIT)
        document["message"]["permitted"][0]["amount"] = amount
        digests.add(digest_of(json.dumps(document), 8453))
    assert len(digests) == 1


ATOMS: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "address": st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    "bytes": st.binary(max_size=40).map(lambda raw: "0x" + raw.hex()),
    "bytes1": st.binary(min_size=1, max_size=1).map(lambda raw: "0x" + raw.hex()),
    "bytes32": st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex()),
    "uint8": st.integers(0, 255),
    "uint256": st.integers(0, 2**256 - 1),
    "int8": st.integers(-128, 127),
    "int256": st.integers(-(2**255), 2**255 - 1),
}


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A message of up to three types within each other, in arrays or not."""
    types: dict[str, list[dict[str, str]]] = {}
    values: dict[str, st.SearchStrategy[Any]] = dict(ATOMS)
    name = ""
    for name in ("Zeta", "Alpha", "Root")[: draw(st.integers(1, 3))]:
        chosen = draw(st.lists(st.sampled_from(sorted(ATOMS)), min_size=1, max_size=4))
        inner = [each for each in types if each in values and each not in ATOMS]
        members: list[tuple[str, str, st.SearchStrategy[Any]]] = []
        for n, element in enumerate([*chosen, *inner]):
            dimensions = draw(st.sampled_from(["", "[]", "[2]", "[2][]"]))
            one = values[element]
            for dimension in ("[2]", "[]") if dimensions == "[2][]" else (dimensions,):
                if dimension:
                    one = st.lists(one, min_size=2 if dimension == "[2]" else 0, max_size=2)
            members.append((f"f{n}", element + dimensions, one))
        types[name] = [{"name": field, "type": type_} for field, type_, _ in members]
        values[name] = st.fixed_dictionaries({field: value for field, _, value in members})
    domain = {"chainId": 5, "name": draw(ATOMS["string"])}
    return {"types": types, "primaryType": name, "domain": domain, "message": draw(values[name])}


@given(documents())
@settings(deadline=None, max_examples=200)
def test_every_message_that_can_be_read_has_the_digest_of_eth_account(document: Document) -> None:
    assert digest_of(json.dumps(document), 5) == foreign_digest(document)


def altered(change: Callable[[Document], object]) -> str:
    document = copy.deepcopy(PERMIT)
    change(document)
    return json.dumps(document)


def member(name: str, type_: str) -> Callable[[Document], None]:
    """Give a field of the primary type another type."""

    def change(document: Document) -> None:
        for field in document["types"]["PermitTransferFrom"]:
            if field["name"] == name:
                field["type"] = type_

    return change


def value(name: str, new: object) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        document["message"][name] = new

    return change


REFUSED: dict[str, Callable[[Document], object]] = {
    "another chain": lambda d: d["domain"].update(chainId=1),
    "no chain": lambda d: d["domain"].pop("chainId"),
    "a chain that is true": lambda d: d["domain"].update(chainId=True),
    "an unknown field of the domain": lambda d: d["domain"].update(extra="x"),
    "a domain in another order": lambda d: d["types"].update(
        EIP712Domain=[{"name": "chainId", "type": "uint256"}, {"name": "name", "type": "string"},
                      {"name": "verifyingContract", "type": "address"}]),
    "a domain of other types": lambda d: d["types"].update(
        EIP712Domain=[{"name": "name", "type": "string"}, {"name": "chainId", "type": "uint64"},
                      {"name": "verifyingContract", "type": "address"}]),
    "a domain whose type leaves a field out": lambda d: d["types"].update(
        EIP712Domain=[{"name": "chainId", "type": "uint256"}]),
    "the domain as the message": lambda d: d.update(primaryType="EIP712Domain", message=d["domain"]),
    "an unknown primary type": lambda d: d.update(primaryType="Other"),
    "no primary type": lambda d: d.pop("primaryType"),
    "something beside": lambda d: d.update(extra=1),
    "a message that is no object": lambda d: d.update(message=[]),
    "a field that no type has": lambda d: d["message"].update(extra="x"),
    "a missing field": lambda d: d["message"].pop("hook"),
    "a missing field within": lambda d: d["message"]["permitted"][0].pop("amount"),
    "null for a struct": value("permitted", [None]),
    "null for bytes": value("hook", None),
    "one in place of a list": value("permitted", {"token": ADDRESS, "amount": 1}),
    "a list of another length": value("flags", [[True]]),
    "a number above its type": lambda d: d["message"]["permitted"][0].update(amount=2**160),
    "a number below its type": value("delta", -(2**63) - 1),
    "a negative number for an unsigned type": value("nonce", -1),
    "true for a number": value("nonce", True),
    "a fraction": value("nonce", 1.0),
    "a number in scientific writing": value("nonce", "1e18"),
    "a number with spaces": value("nonce", " 1"),
    "an Arabic digit": value("nonce", "١"),
    "no number": value("nonce", ""),
    "1 for true": value("flags", [[1, 0]]),
    "a text for true": value("flags", [["true", "false"]]),
    "bytes as text": value("hook", "text"),
    "half a byte": value("hook", "0x0"),
    "a number for bytes": value("hook", 5),
    "bytes32 of another length": value("salt", "0x" + "ab" * 31),
    "an address without its checksum": value("spender", TO.replace("C", "c")),
    "an address of another length": value("spender", TO + "00"),
    "a type that is none": member("nonce", "uint255"),
    "an alias": member("nonce", "uint"),
    "bytes33": member("salt", "bytes33"),
    "bytes0": member("salt", "bytes0"),
    "an array of nothing": member("flags", "bool[0][]"),
    "an array with a leading zero": member("flags", "bool[02][]"),
    "a type with a space": member("nonce", "uint256 "),
    "the domain as a field": member("nonce", "EIP712Domain"),
    "a type that ends nowhere": member("nonce", "Missing"),
    "a long type": member("flags", "bool" + "[]" * 200),
    "a type called as another": lambda d: d["types"].update(bytes4=[]),
    "a type with brackets": lambda d: d["types"].update({"A(uint256 x)": []}),
    "a field twice": lambda d: d["types"]["TokenPermissions"].append({"name": "token", "type": "address"}),
    "a field with a comma": lambda d: d["types"]["TokenPermissions"].append({"name": "a,b", "type": "address"}),
    "a field with more to say": lambda d: d["types"]["TokenPermissions"][0].update(indexed=True),
    "a field without a type": lambda d: d["types"]["TokenPermissions"][0].pop("type"),
    "a field whose type is a number": lambda d: d["types"]["TokenPermissions"][0].update(type=256),
    "a type that is no list": lambda d: d["types"].update(TokenPermissions={}),
    "types that are none": lambda d: d.update(types=[]),
    "a thousand types": lambda d: d["types"].update({f"T{n}": [] for n in range(1000)}),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_have_to_be_guessed_is_refused(name: str) -> None:
    assert digest_of(json.dumps(PERMIT), 8453), "the document itself is good"
    with pytest.raises(ValueError, match=r"^(typed data|types|domain|message|primaryType)"):
        digest_of(altered(REFUSED[name]), 8453)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{", json.dumps(PERMIT) + "x", json.dumps(PERMIT).replace('"nonce": ', '"nonce": NaN, "x": ', 1),
     json.dumps(PERMIT)[:-1] + ', "primaryType": "PermitTransferFrom"}', '{"types":' * 50_000, "[" * 100_000,
     json.dumps(PERMIT) + " " * 300_000, json.dumps(PERMIT).replace('"Permit2"', '"\\ud800"'),
     json.dumps(PERMIT).replace('"delta": -5', '"delta": ' + "9" * 5000)],
)  # fmt: skip
def test_what_is_not_json_of_one_meaning_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any reason is as good
        digest_of(text, 8453)


def test_a_type_within_itself_ends() -> None:
    tree: Document = {
        "types": {"Node": [{"name": "children", "type": "Node[]"}]},
        "primaryType": "Node",
        "domain": {"chainId": 5},
        "message": {"children": [{"children": []}]},
    }
    assert digest_of(json.dumps(tree), 5) == foreign_digest(tree)
    for _ in range(100):
        tree["message"] = {"children": [tree["message"]]}
    with pytest.raises(ValueError, match="nested too deeply"):
        digest_of(json.dumps(tree), 5)
