"""What a publisher signs, and what is refused because somebody else changed it."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import stat
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.plugin_host.wheels.archive import read_archive, write_archive
from appliance.plugin_host.wheels.contents import read_wheel
from appliance.plugin_host.wheels.keys import keygen, load_key, public_text
from appliance.plugin_host.wheels.manifest import verified_manifest
from appliance.plugin_host.wheels.publishing import difference, inspect, inspected, sign
from appliance.plugin_host.wheels.refusal import WheelRefused
from tests.wheels.building import CLAIMS, plugin_wheel, resigned, signed, wheel, zip_of

MANIFEST = "acme-1.0.dist-info/readytrader/manifest.json"
SIGNATURE = "acme-1.0.dist-info/readytrader/manifest.sig"
RECORD = "acme-1.0.dist-info/RECORD"


def refused(data: bytes, name: str = "acme-1.0-py3-none-any.whl") -> str:
    with pytest.raises(WheelRefused) as caught:
        inspected(name, data)
    return str(caught.value)


def files_of(path: Path) -> dict[str, bytes]:
    return read_archive(path.name, path.read_bytes())


def test_a_key_is_a_new_file_of_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "publisher.key"
    public = keygen(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert public.startswith("ed25519:")
    assert public_text(load_key(path)) == public
    with pytest.raises(FileExistsError):
        keygen(path)
    path.chmod(0o640)
    with pytest.raises(WheelRefused, match="only its owner"):
        load_key(path)


@pytest.mark.parametrize("text", ["", "nonsense", "readytrader publisher key AAAA", "readytrader publisher key ?"])
def test_a_file_that_is_no_key_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "publisher.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(WheelRefused) as caught:
        load_key(path)
    assert not text or text not in str(caught.value)


def test_a_signed_wheel_says_what_it_is(tmp_path: Path) -> None:
    dependency = wheel(tmp_path, {"tinydep.py": ""}, name="tinydep")
    path = signed(tmp_path, plugin_wheel(tmp_path), [dependency])
    manifest = inspect(path)
    assert (manifest.plugin, manifest.module, manifest.version) == ("acme", "acme", "1.0")
    assert manifest.publisher == public_text(load_key(tmp_path / "publisher.key"))
    assert manifest.claims.hosts == ("api.example.com:443",)
    assert manifest.dependencies == {dependency.name: hashlib.sha256(dependency.read_bytes()).hexdigest()}
    assert set(manifest.files) == set(files_of(path)) - {MANIFEST, SIGNATURE, RECORD}
    assert manifest.files["acme/__init__.py"] == hashlib.sha256(b"ANSWER = 42\n").hexdigest()


def test_signing_twice_gives_the_same_bytes_and_another_key_replaces_the_first(tmp_path: Path) -> None:
    path = signed(tmp_path, plugin_wheel(tmp_path))
    path.chmod(0o640)
    first = path.read_bytes()
    signed(tmp_path, path)
    assert path.read_bytes() == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    signed(tmp_path, path, key=tmp_path / "other.key")
    assert inspect(path).publisher == public_text(load_key(tmp_path / "other.key"))
    assert sorted(one.name for one in tmp_path.iterdir()) == [path.name, "other.key", "publisher.key"]


def test_a_wheel_built_in_another_order_is_signed_to_the_same_bytes(tmp_path: Path) -> None:
    first = signed(tmp_path, plugin_wheel(tmp_path / "a", files={"acme/x.py": "", "acme/y.py": ""}))
    second = signed(tmp_path, plugin_wheel(tmp_path / "b", files={"acme/y.py": "", "acme/x.py": ""}))
    assert first.read_bytes() == second.read_bytes()


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_byte_of_a_signed_wheel_can_be_changed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Not even with the hash that the operator pinned left out: there is nothing in the file that nobody looks at."""
    original = _one_signed_wheel(tmp_path_factory)
    position = data.draw(st.integers(0, len(original) - 1))
    value = data.draw(st.integers(1, 255))
    refused(original[:position] + bytes([original[position] ^ value]) + original[position + 1 :])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_byte_can_be_put_in_or_taken_out(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    original = _one_signed_wheel(tmp_path_factory)
    position = data.draw(st.integers(0, len(original)))
    added = data.draw(st.binary(min_size=1, max_size=4))
    refused(original[:position] + added + original[position:])
    refused(original[:position] + original[position + 1 :] if position < len(original) else original[:-1])


_cache: dict[str, bytes] = {}


def _one_signed_wheel(factory: pytest.TempPathFactory) -> bytes:
    if not _cache:
        folder = factory.mktemp("signed")
        _cache["wheel"] = signed(folder, plugin_wheel(folder)).read_bytes()
    return _cache["wheel"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"acme/extra.py": b"import os"}, "does not list: "),
        ({"acme/__init__.py": b"ANSWER = 43\n"}, "not what its manifest says"),
        ({"acme/__init__.py": None}, "lacks a file that its manifest lists"),
        ({SIGNATURE: None}, "is not signed"),
        ({MANIFEST: None}, "is not signed"),
        ({SIGNATURE: b"ed25519:AAAA AAAA\n"}, "cannot be read"),
        ({SIGNATURE: b"ed25519:AAAA " + base64.b64encode(bytes(64)) + b"\n"}, "not a publisher's key"),
        ({RECORD: b""}, "one form"),
    ],
)
def test_a_change_to_any_file_is_refused_by_name(tmp_path: Path, change: Mapping[str, bytes | None], told: str) -> None:
    files: dict[str, bytes | None] = dict(files_of(signed(tmp_path, plugin_wheel(tmp_path))))
    files |= change
    text = refused(write_archive({name: content for name, content in files.items() if content is not None}))
    assert told.rstrip(": ") in text


def test_a_manifest_that_others_signed_is_refused(tmp_path: Path) -> None:
    path = signed(tmp_path, plugin_wheel(tmp_path))
    theirs = signed(tmp_path, plugin_wheel(tmp_path / "evil", "ANSWER = 0\n"), key=tmp_path / "evil.key")
    publisher = inspect(path).publisher
    found = read_wheel(theirs.name, theirs.read_bytes())
    with pytest.raises(WheelRefused, match="not signed by its publisher"):
        verified_manifest(found, theirs.read_bytes(), publisher)
    # The same, claiming to be the publisher: the signature is judged, not the name beside it.
    files = files_of(theirs)
    files[SIGNATURE] = publisher.encode() + b" " + files[SIGNATURE].split(b" ")[1]
    assert "not as its publisher signed it" in refused(write_archive(files))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"plugin": "other"}, "another entry point"),
        ({"module": "json"}, "another entry point"),
        ({"version": "2.0"}, "its manifest is not"),
        ({"distribution": "other"}, "its manifest is not"),
        ({"claims": {"api": 1, "kinds": ["signer"]}}, "claims are not those in the wheel"),
        ({"files": {}}, "does not list"),
    ],
)
def test_a_publisher_cannot_sign_what_the_wheel_does_not_say(
    tmp_path: Path, changes: Mapping[str, object], told: str
) -> None:
    path = signed(tmp_path, plugin_wheel(tmp_path))
    assert told in refused(resigned(path, tmp_path / "publisher.key", **changes))


@pytest.mark.parametrize("change", [{"format": 2}, {"unknown": 1}, {"claims": {"api": 2, "kinds": ["signer"]}}])
def test_a_manifest_of_another_format_or_interface_is_refused(tmp_path: Path, change: Mapping[str, object]) -> None:
    path = signed(tmp_path, plugin_wheel(tmp_path))
    files = files_of(path)
    raw = json.dumps(json.loads(files[MANIFEST]) | change).encode()
    files[MANIFEST] = raw
    signature = load_key(tmp_path / "publisher.key").sign(raw)
    files[SIGNATURE] = files[SIGNATURE].split(b" ")[0] + b" " + base64.b64encode(signature) + b"\n"
    assert "manifest that cannot be read" in refused(write_archive(files))


def test_a_renamed_wheel_is_refused(tmp_path: Path) -> None:
    data = signed(tmp_path, plugin_wheel(tmp_path)).read_bytes()
    assert "not named as its metadata say" in refused(data, "acme-1.0-py311-none-any.whl")


@pytest.mark.parametrize(
    ("entry_points", "told"),
    [
        (None, "one entry point in the group readytrader.plugins, got none"),
        ("[readytrader.plugins]\nacme = acme\nacme2 = acme\n", "one entry point"),
        ("[readytrader.plugins]\nacme = acme:Plugin\n", "none of its modules"),
        ("[readytrader.plugins]\nacme = json\n", "none of its modules"),
        ("[readytrader.plugins]\n../acme = acme\n", "not a name"),
    ],
)
def test_a_wheel_without_exactly_one_sound_entry_point_is_not_signed(
    tmp_path: Path, entry_points: str | None, told: str
) -> None:
    files = {"acme/__init__.py": "", "acme/readytrader.toml": CLAIMS}
    path = wheel(tmp_path, files, entry_points=entry_points)
    before = path.read_bytes()
    with pytest.raises(WheelRefused) as caught:
        signed(tmp_path, path)
    assert told in str(caught.value)
    assert path.read_bytes() == before


def test_a_wheel_without_sound_claims_is_not_signed(tmp_path: Path) -> None:
    with pytest.raises(WheelRefused, match="unknown field"):
        signed(tmp_path, plugin_wheel(tmp_path, claims=CLAIMS + "root = true\n"))
    with pytest.raises(WheelRefused, match="`optional_secrets`, which are for built-ins alone"):
        signed(tmp_path, plugin_wheel(tmp_path, claims=CLAIMS + 'optional_secrets = ["spare"]\n'))
    entry = "[readytrader.plugins]\nacme = acme\n"
    with pytest.raises(WheelRefused, match="lacks its claims"):
        signed(tmp_path, wheel(tmp_path, {"acme/__init__.py": ""}, entry_points=entry))


def test_claims_of_a_module_lie_in_the_package_that_it_is_in(tmp_path: Path) -> None:
    files = {"acme/__init__.py": "", "acme/main.py": "", "acme/readytrader.toml": CLAIMS}
    path = wheel(tmp_path, files, entry_points="[readytrader.plugins]\nacme = acme.main\n")
    assert inspect(signed(tmp_path, path)).module == "acme.main"


def test_pip_installs_a_signed_wheel_and_its_record_is_true(tmp_path: Path) -> None:
    """pip and zipfile are the foreign judges."""
    path = signed(tmp_path, plugin_wheel(tmp_path, files={'acme/odd, "name".txt': "x"}))
    subprocess.run([sys.executable, "-m", "zipfile", "-t", str(path)], check=True, capture_output=True)
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        rows = list(csv.reader(io.StringIO(archive.read(RECORD).decode())))
        assert {row[0] for row in rows} == names
        for name, digest, size in rows:
            content = archive.read(name)
            made = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            assert name == RECORD or (digest, size) == (f"sha256={made}", str(len(content)))
    target = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*command, "--disable-pip-version-check", str(path)], check=True, capture_output=True)
    assert (target / "acme/__init__.py").read_text() == "ANSWER = 42\n"
    assert (target / MANIFEST).read_bytes() == files_of(path)[MANIFEST]


def test_the_difference_of_two_releases_shows_rights_first(tmp_path: Path) -> None:
    key = tmp_path / "publisher.key"
    old = signed(tmp_path, plugin_wheel(tmp_path, files={"acme/gone.py": "x"}), key=key)
    dependency = wheel(tmp_path, {"tinydep.py": ""}, name="tinydep")
    claims = CLAIMS.replace("api.example.com:443", "evil.example.com:443").replace(
        '["exchange"]', '["exchange", "signer"]'
    )
    new_files = {"acme/new.py": "yy"}
    made = plugin_wheel(tmp_path, "ANSWER = 100\n", files=new_files, version="1.1", claims=claims)
    new = signed(tmp_path, made, [dependency], key=tmp_path / "other.key")
    found = difference(old, new)
    assert found.version == ("1.0", "1.1")
    assert found.publisher == (inspect(old).publisher, inspect(new).publisher)
    assert found.claims_gained == ("kinds: signer", "hosts: evil.example.com:443")
    assert found.claims_lost == ("hosts: api.example.com:443",)
    lines = found.lines()
    assert lines[0].startswith("publisher: ed25519:")
    assert "+ dependency tinydep-1.0-py3-none-any.whl" in lines
    assert "- file acme/gone.py (1 bytes)" in lines
    assert "+ file acme/new.py (2 bytes)" in lines
    assert "~ file acme/__init__.py (12 → 13 bytes)" in lines
    assert difference(old, old).lines() == ()


def test_a_wheel_is_signed_with_sound_dependencies_only(tmp_path: Path) -> None:
    key = tmp_path / "publisher.key"
    keygen(key)
    path = plugin_wheel(tmp_path)
    bad = zip_of(tmp_path / "bad-1.0-py3-none-any.whl", {"evil.pth": "import os"})
    with pytest.raises(WheelRefused, match=r"bad-1\.0"):
        sign(path, key, [bad])
    same = wheel(tmp_path, {"acme/__init__.py": ""}, name="other")
    with pytest.raises(WheelRefused, match="brings too"):
        sign(path, key, [same])
    fine = wheel(tmp_path, {"fine.py": ""}, name="fine")
    with pytest.raises(WheelRefused, match="named twice"):
        sign(path, key, [fine, fine])
