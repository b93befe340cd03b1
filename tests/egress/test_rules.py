"""Which host and which address a worker may reach."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readytrader_sdk.egress import Endpoint

from appliance.plugin_host.egress.rules import (
    EgressRules,
    Verdict,
    address_is_private,
    address_is_public,
    judge,
    judge_address,
    shown,
)

RULES = EgressRules(
    hosts=(Endpoint("api.example.com", 443), Endpoint("*.stream.example.com", 9443), Endpoint("8.8.8.8", 443)),
    private_hosts=(Endpoint("node.lan", 8545), Endpoint("127.0.0.1", 8545), Endpoint("::1", 8545)),
)
BY_NAME = Verdict(host="api.example.com", port=443)
PRIVATE = Verdict(host="node.lan", port=8545, may_be_private=True)

NOT_PUBLIC = (
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.31.255.255",
    "192.0.0.1", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.9", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255", "100.100.100.200", "192.0.0.192", "168.63.129.16", "192.88.99.1",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808", "100::1", "2001::1", "2001:0:7f00:1::", "2001:2::1", "2001:db8::1", "2002:7f00:1::",
    "2002:a00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
)  # fmt: skip


@pytest.mark.parametrize(
    ("host", "port"),
    [("api.example.com", 443), ("API.Example.com", 443), ("api.example.com.", 443), ("a.stream.example.com", 9443),
     ("a.b.stream.example.com", 9443), ("8.8.8.8", 443)],
)  # fmt: skip
def test_what_was_granted_is_allowed(host: str, port: int) -> None:
    assert judge(RULES, host, port).is_allowed
    assert not judge(RULES, host, port).may_be_private


@pytest.mark.parametrize(
    ("host", "port"),
    [("api.example.com", 80), ("example.com", 443), ("evil-api.example.com", 443), ("api.example.com.evil.net", 443),
     ("stream.example.com", 9443), ("xstream.example.com", 9443), ("8.8.4.4", 443), ("node.lan", 80),
     ("xn--pi-7kc.example.com", 443)],
)  # fmt: skip
def test_what_was_not_granted_is_refused(host: str, port: int) -> None:
    assert judge(RULES, host, port).reason == "not granted"


def test_the_private_hosts_are_known_apart() -> None:
    for host in ("node.lan", "127.0.0.1", "::1", "0:0:0:0:0:0:0:1"):
        assert judge(RULES, host, 8545).may_be_private, host


@pytest.mark.parametrize(
    "host",
    ["", ".", "..", "api..example.com", ".api.example.com", "api.example.com..", "-a.example.com", "a-.example.com",
     "a" * 64 + ".com", ".".join(["a" * 50] * 6), "api.example.com\x00.evil.net", "api example.com",
     "api.example.com/x", "user@api.example.com", "аpi.example.com", "api。example.com", "ａpi.example.com",
     "2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "127.0.0.01", "127.0.0.1.", "256.0.0.1", "1.2.3.4.5",
     "127.0.0.0x1", "a.0x", "::1%lo", "fe80::1%25eth0", "[::1]", "1::2::3", ":", "１２７.0.0.1"],
)  # fmt: skip
def test_what_has_no_usual_spelling_is_refused_whatever_was_granted(host: str) -> None:
    everything = EgressRules(private_hosts=(Endpoint(host, 80), Endpoint("127.0.0.1", 80)))
    verdict = judge(everything, host, 80)
    assert "usual spelling" in verdict.reason
    assert verdict.host.isascii()
    assert verdict.host.isprintable()


def test_a_pattern_covers_no_address() -> None:
    rules = EgressRules(hosts=(Endpoint("*.8.8.8", 443),), private_hosts=(Endpoint("*.0.0.1", 80),))
    assert not judge(rules, "8.8.8.8", 443).is_allowed
    assert not judge(rules, "127.0.0.1", 80).is_allowed


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_a_name_may_not_lead_to_what_is_not_public(address: str) -> None:
    assert not address_is_public(ip_address(address))
    assert judge_address(BY_NAME, address, is_own=False)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450::1", "64:ff9b::808:808"])
def test_a_name_may_lead_to_the_public_internet(address: str) -> None:
    assert judge_address(BY_NAME, address, is_own=False) == ""


def test_a_public_address_of_this_host_is_this_host() -> None:
    assert "this host" in judge_address(BY_NAME, "8.8.8.8", is_own=True)
    assert judge_address(PRIVATE, "8.8.8.8", is_own=True) == ""


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "::1", "fd12::1", "8.8.8.8"]
)
def test_a_private_host_may_lead_to_private_addresses(address: str) -> None:
    assert judge_address(PRIVATE, address, is_own=False) == ""


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "169.254.1.1", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fe80::1%lo",
     "0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
     "nonsense"],
)  # fmt: skip
def test_even_a_private_host_leads_to_no_metadata_link_local_or_reserved_address(address: str) -> None:
    assert judge_address(PRIVATE, address, is_own=False)
    assert judge_address(PRIVATE, address, is_own=True)


@pytest.mark.parametrize("address", ["169.254.169.254", "100.100.100.200", "fd00:ec2::254"])
def test_a_metadata_service_is_refused_even_where_it_was_granted_as_an_address(address: str) -> None:
    rules = EgressRules(private_hosts=(Endpoint(address, 80),), hosts=(Endpoint(address, 80),))
    verdict = judge(rules, address, 80)
    assert verdict.is_allowed
    assert "metadata" in judge_address(verdict, verdict.host, is_own=False)
    assert "metadata" in judge_address(verdict, verdict.host, is_own=True)


def test_what_is_shown_of_foreign_text_is_printable_and_short() -> None:
    assert shown("a\x1b[31m\nb\u202e") == "a?[31m?b?"
    assert len(shown("a" * 1000)) == 83


edges = st.sampled_from([ip_address(text) for text in NOT_PUBLIC]).map(int)
fours = st.one_of(st.integers(0, 2**32 - 1), edges.filter(lambda number: number < 2**32)).map(IPv4Address)
hiding = st.sampled_from(["::", "::ffff:0:0", "64:ff9b::", "64:ff9b:1::", "2001::", "2002::", "2001:db8::", "2600::"])
sixes = st.one_of(
    st.integers(0, 2**128 - 1),
    st.integers(0x2000 << 112, (0x4000 << 112) - 1),
    edges.filter(lambda number: number >= 2**32),
    st.builds(lambda prefix, four: int(IPv6Address(prefix)) | int(four), hiding, fours),
).map(IPv6Address)
NAT64 = IPv6Network("64:ff9b::/96")
STRICTER = [IPv6Network(text) for text in ("2001::/23", "2002::/16", "3fff::/20", "::ffff:0:0/96")]


def unhidden(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return IPv4Address(int(ip) & 0xFFFF_FFFF) if isinstance(ip, IPv6Address) and ip in NAT64 else ip


@given(st.one_of(fours, sixes))
def test_what_we_call_public_python_calls_global(ip: IPv4Address | IPv6Address) -> None:
    if address_is_public(ip):
        plain = unhidden(ip)
        assert plain.is_global
        assert not any((plain.is_multicast, plain.is_reserved, plain.is_link_local, plain.is_loopback))
        assert not address_is_private(ip)


@given(st.one_of(fours, sixes))
def test_what_python_calls_global_we_call_public_but_where_we_are_stricter_by_name(
    ip: IPv4Address | IPv6Address,
) -> None:
    plain = unhidden(ip)
    if not plain.is_global or address_is_public(ip):
        return
    is_stricter = str(plain) in NOT_PUBLIC or plain.is_multicast or plain.is_reserved
    if isinstance(plain, IPv4Address):
        # 192.0.0.0/24 and 192.88.99.0/24: protocol assignments as a whole, and 6to4's relays.
        assert is_stricter or str(plain).startswith(("192.0.0.", "192.88.99."))
    else:
        outside = plain not in IPv6Network("2000::/3")
        assert is_stricter or outside or any(plain in network for network in STRICTER)
