"""What a plugin claims, and where a wheel runs."""

from __future__ import annotations

import os
import sys

import pytest
from packaging.tags import Tag, sys_tags
from readytrader_sdk.egress import Endpoint
from readytrader_sdk.kinds import Kind

from appliance.plugin_host.wheels.claims import Claims, parse_claims
from appliance.plugin_host.wheels.refusal import WheelRefused
from appliance.plugin_host.wheels.tags import Interpreter, fits, parse_name
from tests.wheels.building import CLAIMS


def test_claims_are_read_from_their_file() -> None:
    claims = parse_claims(CLAIMS, "acme")
    assert claims == Claims(
        api=1, kinds=(Kind.EXCHANGE,), hosts=("api.example.com:443",), secrets=("api_key",), file_settings=()
    )
    assert claims.endpoints == (Endpoint("api.example.com", 443),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('kinds = ["exchange"]', "api"),
        ("api = 1", "kinds"),
        ('api = 2\nkinds = ["exchange"]', "api"),
        ('api = true\nkinds = ["exchange"]', "api"),
        ("api = 1\nkinds = []", "kinds"),
        ('api = 1\nkinds = "exchange"', "kinds"),
        ('api = 1\nkinds = ["oracle"]', "oracle"),
        ('api = 1\nkinds = ["exchange", "exchange"]', "kinds"),
        ('api = 1\nkinds = ["exchange"]\nnetwork = true', "network"),
        ('api = 1\nkinds = ["exchange"]\nhosts = ["https://api.example.com"]', "https://api.example.com"),
        ('api = 1\nkinds = ["exchange"]\nhosts = ["a.com:443", "a.com:443"]', "hosts"),
        ('api = 1\nkinds = ["exchange"]\nsecrets = ["../key"]', "../key"),
        ('api = 1\nkinds = ["exchange"]\nsecrets = [1]', "secrets"),
        ('api = 1\nkinds = ["exchange"]\nfile_settings = ["Path"]', "Path"),
        ("api = ", "claims"),
    ],
)
def test_claims_that_are_not_exactly_in_their_form_are_refused_by_name(text: str, told: str) -> None:
    with pytest.raises(WheelRefused, match=r"acme/readytrader\.toml: is not a plugin's claims") as caught:
        parse_claims(text, "acme/readytrader.toml")
    assert told in str(caught.value)


def test_a_refusal_repeats_foreign_text_short_and_printable() -> None:
    fault = WheelRefused("a\x1b[2J", "is wrong", "b\r\n" + "x" * 1000)
    assert str(fault).isprintable()
    assert len(str(fault)) < 200


@pytest.mark.skipif(sys.platform != "linux", reason="tags of this platform")
def test_every_tag_that_packaging_names_for_this_python_fits() -> None:
    here = Interpreter.here()
    # abi3 and cpXY wheels of no platform hold no machine code: nobody builds them, and here they do not fit.
    tags = [tag for tag in sys_tags() if tag.interpreter.startswith(("py3", "cp3"))]
    odd = [tag for tag in tags if not _fits(tag, here)]
    assert all(tag.platform == "any" and tag.abi != "none" for tag in odd), odd
    assert len(tags) > 100


@pytest.mark.parametrize(
    "tag",
    [
        "cp312-cp312-PLATFORM",
        "cp312-abi3-PLATFORM",
        "cp310-cp310-PLATFORM",
        "cp311-cp311t-PLATFORM",
        "py2-none-any",
        "py312-none-any",
        "pp39-pypy39_pp73-PLATFORM",
        "py3-none-win_amd64",
        "py3-none-macosx_11_0_arm64",
        "py3-none-linux_other",
        "cp311-abi3-manylinux_2_99_MACHINE",
        "cp311-abi3-musllinux_1_2_MACHINE",
        "cp311-abi3-manylinux_2_17_s390x",
    ],
)
def test_a_tag_of_another_python_or_platform_does_not_fit_and_packaging_agrees(tag: str) -> None:
    machine = os.uname().machine
    text = tag.replace("PLATFORM", f"linux_{machine}").replace("MACHINE", machine)
    named = parse_name(f"acme-1.0-{text}.whl")
    assert named is not None
    here = Interpreter(minor=11, abi="cp311", machine=machine, glibc=(2, 36))
    assert not fits(named, here)
    if sys.version_info[:2] == (3, 11):
        assert Tag(*text.split("-")) not in set(sys_tags())


@pytest.mark.parametrize(
    "name",
    ["acme.whl", "acme-1.0.whl", "acme-1.0-py3-none-any.zip", "a/b-1.0-py3-none-any.whl", "-1.0-py3-none-any.whl", ""],
)
def test_a_file_that_is_not_named_like_a_wheel_is_none(name: str) -> None:
    assert parse_name(name) is None


def test_a_name_with_several_tags_and_a_build_number_is_read() -> None:
    named = parse_name("acme_one-1.0+local.1-2b-py2.py3-none-any.whl")
    assert named is not None
    assert (named.distribution, named.version) == ("acme_one", "1.0+local.1")
    assert named.tags == {("py2", "none", "any"), ("py3", "none", "any")}


def _fits(tag: Tag, here: Interpreter) -> bool:
    named = parse_name(f"acme-1.0-{tag}.whl")
    return named is not None and fits(named, here)
