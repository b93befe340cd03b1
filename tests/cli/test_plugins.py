"""`readytrader plugin`: nothing of a wheel is trusted before a person saw what it asks for and said yes."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.appliances import Appliance, new_appliance
from tests.cli.terminals import on_a_terminal
from tests.wheels.building import CLAIMS, plugin_wheel, signed, wheel

WIDER = CLAIMS.replace('["api.', '["elsewhere.example.net:8443", "api.')
INSTANCE = '\n[[exchange]]\nname = "acme_main"\nplugin = "acme"\n'
PROMPT = "with these rights? [y/N]"


class Shop:
    """A publisher, and the wheels that it signed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = folder / "publisher.key"
        self.first = self.release("1.0")

    def release(self, version: str, **more: str) -> Path:
        return signed(self.folder, plugin_wheel(self.folder / version, version=version, **more), key=self.key)

    @property
    def publisher(self) -> str:
        from appliance.plugin_host.wheels.keys import load_key, public_text

        return public_text(load_key(self.key))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def installed_once(shop: Shop) -> Iterator[Appliance]:
    with new_appliance() as appliance:
        install(appliance, shop)
        yield appliance


@pytest.fixture
def installed(appliance: Appliance, installed_once: Appliance) -> Appliance:
    """A home of its own with the first release installed."""
    shutil.rmtree(appliance.home)
    shutil.copytree(installed_once.home, appliance.home)
    return appliance


def install(appliance: Appliance, shop: Shop) -> str:
    return appliance.done("plugin", "install", str(shop.first), "--publisher", shop.publisher, "--yes")


def config_of(appliance: Appliance) -> Path:
    return appliance.home / "readytrader.toml"


def use(appliance: Appliance) -> None:
    """Configure an instance of the plugin."""
    with config_of(appliance).open("a") as file:
        file.write(INSTANCE)


def row_of(appliance: Appliance, name: str) -> dict[str, object]:
    (row,) = [row for row in appliance.json("plugin", "list") if row["name"] == name]
    return row


def refused(appliance: Appliance, *verb: str) -> str:
    """Run a verb that must be refused and change nothing of the configuration; what it says."""
    before = config_of(appliance).read_bytes()
    finished = appliance.run("plugin", *verb)
    assert finished.returncode == 1, finished
    assert "Traceback" not in finished.stderr
    assert config_of(appliance).read_bytes() == before
    return finished.stderr


# --- installing


def test_a_person_sees_everything_that_a_plugin_asks_for_before_saying_yes(appliance: Appliance, shop: Shop) -> None:
    code, screen = on_a_terminal(appliance, [(PROMPT, "y")], "plugin", "install", str(shop.first))
    asked = screen.index(PROMPT)
    for text in ("acme 1.0", shop.publisher, "trusted on first use", "exchange", "api.example.com:443", "api_key"):
        assert 0 <= screen.find(text) < asked, text
    assert "pure Python" in screen
    assert code == 0
    assert "when it is restarted" in screen
    (entry,) = tomllib.loads(config_of(appliance).read_text())["plugin"]
    assert (entry["name"], entry["version"], entry["publisher"]) == ("acme", "1.0", shop.publisher)
    assert (entry["kinds"], entry["hosts"], entry["secrets"]) == (["exchange"], ["api.example.com:443"], ["api_key"])
    assert [path.name for path in (appliance.home / "plugins" / "acme").iterdir()] == [shop.first.name]


@pytest.mark.parametrize("answer", ["n", ""], ids=["n", "nothing typed"])
def test_no_means_that_nothing_is_installed(appliance: Appliance, shop: Shop, answer: str) -> None:
    before = config_of(appliance).read_bytes()
    code, _ = on_a_terminal(appliance, [(PROMPT, answer)], "plugin", "install", str(shop.first))
    assert code == 1
    assert config_of(appliance).read_bytes() == before
    assert not list((appliance.home / "plugins").iterdir())


def test_without_a_person_and_without_yes_nothing_is_installed(appliance: Appliance, shop: Shop) -> None:
    said = refused(appliance, "install", str(shop.first), "--publisher", shop.publisher)
    assert "no terminal" in said


def test_yes_alone_does_not_make_a_publisher_trusted(appliance: Appliance, shop: Shop) -> None:
    assert "needs --publisher" in refused(appliance, "install", str(shop.first), "--yes")


def test_a_plugin_of_another_publisher_than_the_one_named_is_refused(appliance: Appliance, shop: Shop) -> None:
    other = "ed25519:" + "A" * 43 + "="
    said = refused(appliance, "install", str(shop.first), "--publisher", other, "--yes")
    assert f"signed by {shop.publisher}, and not by {other}" in said


def test_a_wheel_that_nobody_signed_is_refused(appliance: Appliance, tmp_path: Path) -> None:
    assert "is not signed" in refused(appliance, "install", str(plugin_wheel(tmp_path)), "--yes")


def test_a_wheel_with_one_byte_changed_is_refused(appliance: Appliance, shop: Shop, tmp_path: Path) -> None:
    content = bytearray(shop.first.read_bytes())
    content[len(content) // 2] ^= 1
    changed = tmp_path / shop.first.name
    changed.write_bytes(content)
    assert changed.name in refused(appliance, "install", str(changed), "--publisher", shop.publisher, "--yes")


def test_a_plugin_with_the_name_of_a_built_in_is_refused(appliance: Appliance, tmp_path: Path) -> None:
    shadow = signed(tmp_path, plugin_wheel(tmp_path, name="discord"))
    assert "a name clash: discord is a built-in plugin" in refused(appliance, "install", str(shadow), "--yes")


def test_a_plugin_comes_with_the_wheels_that_it_needs(appliance: Appliance, shop: Shop, tmp_path: Path) -> None:
    needed = wheel(tmp_path, {"tiny.py": "A = 1\n"}, name="tiny", version="2.0")
    own = signed(tmp_path, plugin_wheel(tmp_path, requires=["tiny"]), [needed], key=shop.key)
    said = appliance.done("plugin", "install", str(own), "--publisher", shop.publisher, "--yes")
    assert needed.name in said
    assert {path.name for path in (appliance.home / "plugins" / "acme").iterdir()} == {own.name, needed.name}
    assert appliance.json("plugin", "verify")["ok"]
    needed.unlink()
    assert needed.name in refused(appliance, "install", str(own), "--yes")


def test_a_host_is_shown_to_its_last_letter(appliance: Appliance, shop: Shop, tmp_path: Path) -> None:
    host = ".".join(["a" * 60, "b" * 60, "c" * 60, "elsewhere.example.net"])
    claims = CLAIMS.replace("api.example.com", host)
    long = signed(tmp_path, plugin_wheel(tmp_path, claims=claims), key=shop.key)
    said = appliance.done("plugin", "install", str(long), "--publisher", shop.publisher, "--yes")
    assert f"hosts          {host}:443\n" in said


def test_without_a_configuration_nothing_is_installed(appliance: Appliance, shop: Shop) -> None:
    config_of(appliance).unlink()
    finished = appliance.run("plugin", "install", str(shop.first), "--publisher", shop.publisher, "--yes")
    assert finished.returncode == 1
    assert "readytrader init" in finished.stderr
    assert not list((appliance.home / "plugins").iterdir())


# --- updating


def test_an_update_shows_what_changes_and_asks_again(installed: Appliance, shop: Shop) -> None:
    new = shop.release("1.1", code="ANSWER = 43\n", claims=WIDER)
    code, screen = on_a_terminal(installed, [(PROMPT, "y")], "plugin", "install", str(new))
    asked = screen.index(PROMPT)
    changes = (
        "changes from 1.0",
        "version: 1.0 → 1.1",
        "+ hosts: elsewhere.example.net:8443",
        "~ file acme/__init__.py",
    )
    for text in changes:
        assert 0 <= screen.find(text) < asked, text
    assert code == 0
    assert row_of(installed, "acme")["version"] == "1.1"
    assert [path.name for path in (installed.home / "plugins" / "acme").iterdir()] == [new.name]
    assert installed.json("plugin", "verify")["ok"]


def test_an_update_that_is_refused_leaves_what_was_there(installed: Appliance, shop: Shop) -> None:
    use(installed)
    new = shop.release("1.2", claims=CLAIMS.replace('"exchange"', '"notifier"'))
    said = refused(installed, "install", str(new), "--yes")
    assert "acme is no exchange" in said
    assert [path.name for path in (installed.home / "plugins" / "acme").iterdir()] == [shop.first.name]


def test_an_update_by_another_publisher_is_refused_until_the_old_one_is_removed(
    installed: Appliance, tmp_path: Path
) -> None:
    other = signed(tmp_path, plugin_wheel(tmp_path, version="2.0"))
    said = refused(installed, "install", str(other), "--yes")
    assert "readytrader plugin remove acme first" in said
    publisher = installed.json("plugin", "inspect", str(other))["publisher"]
    installed.done("plugin", "remove", "acme", "--yes")
    installed.done("plugin", "install", str(other), "--publisher", publisher, "--yes")


def test_a_right_that_the_operator_took_away_is_told_when_an_update_brings_it_back(
    installed: Appliance, shop: Shop
) -> None:
    text = config_of(installed).read_text()
    config_of(installed).write_text(text.replace('hosts = ["api.example.com:443"]\n', ""))
    said = installed.done("plugin", "install", str(shop.release("1.3")), "--yes")
    assert "granted again: hosts: api.example.com:443" in said


def test_a_disabled_plugin_stays_disabled_when_it_is_updated(installed: Appliance, shop: Shop) -> None:
    installed.done("plugin", "disable", "acme")
    installed.done("plugin", "install", str(shop.release("1.4")), "--yes")
    assert row_of(installed, "acme")["enabled"] is False


def test_a_damaged_plugin_is_mended_by_installing_it_again(installed: Appliance, shop: Shop) -> None:
    (installed.home / "plugins" / "acme" / shop.first.name).write_bytes(b"x")
    said = installed.done("plugin", "install", str(shop.first), "--yes")
    assert "unknown: what is installed is not as it was" in said
    assert installed.json("plugin", "verify")["ok"]


# --- list and verify


def test_list_tells_what_is_built_in_and_what_is_installed(installed: Appliance, shop: Shop) -> None:
    use(installed)
    acme, sample = row_of(installed, "acme"), row_of(installed, "sample")
    assert acme == {
        "name": "acme",
        "origin": "installed",
        "version": "1.0",
        "kinds": ["exchange"],
        "enabled": True,
        "instances": ["acme_main"],
        "publisher": shop.publisher,
        "wrong": [],
    }
    assert (sample["origin"], sample["instances"], sample["publisher"]) == ("built-in", ["sample"], "")
    table = installed.done("plugin", "list")
    assert shop.publisher[:20] in table
    assert "acme_main" in table


def test_what_pip_installed_is_listed_as_not_used(installed: Appliance) -> None:
    folder = installed.folder / "site" / "evil-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[readytrader.plugins]\nevil = evil\n")
    path = f"{installed.environment()['PYTHONPATH']}:{folder.parent}"
    finished = installed.run("plugin", "list", PYTHONPATH=path)
    (line,) = [line for line in finished.stdout.splitlines() if line.startswith("evil ")]
    assert "not used" in line
    assert "readytrader plugin install" in line
    with config_of(installed).open("a") as file:
        file.write('\n[[notifier]]\nname = "bell"\nplugin = "evil"\n')
    assert "unknown plugin" in installed.run("config", "check", PYTHONPATH=path).stderr


def test_verify_finds_what_is_installed_sound_and_tells_the_cage_by_name(installed: Appliance) -> None:
    told = installed.json("plugin", "verify")
    assert {finding["subject"] for finding in told["findings"]} == {"plugin acme", "data_source sample"}
    assert told["cage"]["seccomp"]["required"]
    assert not told["cage"]["landlock_tcp"]["required"]
    text = installed.done("plugin", "verify", "acme")
    assert "sound  plugin acme" in text
    assert "cage: seccomp (required)" in text


def damage_hash(home: Path) -> None:
    (wheel_file,) = (home / "plugins" / "acme").iterdir()
    wheel_file.write_bytes(wheel_file.read_bytes() + b"x")


def damage_mode(home: Path) -> None:
    (home / "plugins" / "acme").chmod(0o777)


def damage_by_link(home: Path) -> None:
    (wheel_file,) = (home / "plugins" / "acme").iterdir()
    elsewhere = home / "elsewhere.whl"
    wheel_file.rename(elsewhere)
    wheel_file.symlink_to(elsewhere)


def damage_by_removal(home: Path) -> None:
    shutil.rmtree(home / "plugins" / "acme")


def damage_by_addition(home: Path) -> None:
    (home / "plugins" / "acme" / "sitecustomize.py").write_text("")


def damage_by_stray_folder(home: Path) -> None:
    (home / "plugins" / "unknown").mkdir()


def damage_by_grant(home: Path) -> None:
    config = home / "readytrader.toml"
    config.write_text(config.read_text().replace("api.example.com", "api.example.org"))


def damage_by_version(home: Path) -> None:
    config = home / "readytrader.toml"
    config.write_text(config.read_text().replace('version = "1.0"', 'version = "1.1"'))


def damage_by_publisher(home: Path) -> None:
    config = home / "readytrader.toml"
    lines = [line for line in config.read_text().splitlines() if not line.startswith("publisher")]
    lines.insert(lines.index("[[plugin]]") + 1, f'publisher = "ed25519:{"A" * 43}="')
    config.write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (damage_hash, "is not the file that was installed"),
        (damage_mode, "writ"),
        (damage_by_link, "is a link"),
        (damage_by_removal, "cannot be reached"),
        (damage_by_addition, "none of the plugin's"),
        (damage_by_stray_folder, "belongs to no [[plugin]]"),
        (damage_by_grant, "host api.example.org:443 is granted and was never claimed"),
        (damage_by_version, "the configuration says version 1.1, its publisher signed 1.0"),
        (damage_by_publisher, "is not signed by its publisher"),
    ],
)
def test_verify_tells_what_is_wrong(installed: Appliance, damage, told: str) -> None:
    damage(installed.home)
    finished = installed.run("plugin", "verify", "--json")
    assert finished.returncode == 1, finished
    wrong = [text for finding in json.loads(finished.stdout)["findings"] for text in finding["wrong"]]
    assert any(told in text for text in wrong), wrong


def test_verify_fails_where_a_measure_is_demanded_that_the_kernel_lacks(installed: Appliance) -> None:
    """What this kernel has is made a demand; what it lacks, where it lacks any, must then be told and fail."""
    cage = installed.json("plugin", "verify")["cage"]
    demanded = ",".join(cage)
    finished = installed.run("plugin", "verify", "--json", READYTRADER_PLUGINS_CAGE_REQUIRED=demanded)
    told = json.loads(finished.stdout)
    assert all(wall["required"] for wall in told["cage"].values())
    lacking = [measure for measure, wall in cage.items() if wall["state"] != "on"]
    assert (finished.returncode, told["ok"]) == ((1, False) if lacking else (0, True))


# --- enable, disable, remove


def test_a_plugin_is_disabled_and_enabled(installed: Appliance) -> None:
    assert "when it is restarted" in installed.done("plugin", "disable", "acme")
    assert row_of(installed, "acme")["enabled"] is False
    installed.done("plugin", "enable", "acme")
    assert row_of(installed, "acme")["enabled"] is True


def test_a_plugin_in_use_is_neither_disabled_nor_removed(installed: Appliance) -> None:
    use(installed)
    assert "acme_main needs it" in refused(installed, "disable", "acme")
    assert "acme is used by acme_main" in refused(installed, "remove", "acme", "--yes")
    assert (installed.home / "plugins" / "acme").exists()


def test_remove_asks_and_takes_the_plugin_out_of_the_configuration_and_the_disk(installed: Appliance) -> None:
    code, _ = on_a_terminal(installed, [("Remove acme 1.0? [y/N]", "n")], "plugin", "remove", "acme")
    assert code == 1
    assert "no terminal" in refused(installed, "remove", "acme")
    code, _ = on_a_terminal(installed, [("Remove acme 1.0? [y/N]", "y")], "plugin", "remove", "acme")
    assert code == 0
    assert "[[plugin]]" not in config_of(installed).read_text()
    assert not list((installed.home / "plugins").iterdir())


@pytest.mark.parametrize("verb", [("verify", "nobody"), ("remove", "nobody", "--yes"), ("secret", "nobody", "x")])
def test_an_unknown_name_is_told_with_what_there_is(installed: Appliance, verb: tuple[str, ...]) -> None:
    finished = installed.run("plugin", *verb)
    assert finished.returncode == 2
    assert "nobody" in finished.stderr


# --- secrets

CANARY = "canary-4d1f77"


def test_a_secret_is_asked_for_twice_without_being_shown(installed: Appliance) -> None:
    use(installed)
    answers = [("api_key of acme_main", CANARY), ("Once more", CANARY)]
    code, screen = on_a_terminal(installed, answers, "plugin", "secret", "acme_main", "api_key")
    assert code == 0, screen
    assert CANARY not in screen
    file = installed.home / "secrets" / "acme_main" / "api_key"
    assert file.read_text() == CANARY
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert installed.json("plugin", "verify")["ok"]


def test_two_different_answers_are_asked_again(installed: Appliance) -> None:
    use(installed)
    answers = [("api_key of", "one"), ("Once more", "two"), ("api_key of", CANARY), ("Once more", CANARY)]
    code, _ = on_a_terminal(installed, answers, "plugin", "secret", "acme_main", "api_key")
    assert code == 0
    assert (installed.home / "secrets" / "acme_main" / "api_key").read_text() == CANARY


def test_a_secret_comes_from_a_file_or_a_pipe(installed: Appliance, tmp_path: Path) -> None:
    use(installed)
    file = tmp_path / "key"
    file.write_text("from a file\n")
    stored = installed.home / "secrets" / "acme_main" / "api_key"
    installed.done("plugin", "secret", "acme_main", "api_key", "--from-file", str(file))
    assert stored.read_text() == "from a file\n"
    for named in (("--from-file", "-"), ()):
        stored.unlink()
        piped = installed.run("plugin", "secret", "acme_main", "api_key", *named, said=CANARY)
        assert (piped.returncode, stored.read_text()) == (0, CANARY)
        assert CANARY not in piped.stdout + piped.stderr
    assert [path.name for path in stored.parent.iterdir()] == ["api_key"]


def test_a_secret_that_nobody_writes_or_that_is_an_argument_is_refused_and_not_repeated(installed: Appliance) -> None:
    use(installed)
    assert "write the secret to standard input" in refused(installed, "secret", "acme_main", "api_key")
    argued = installed.run("plugin", "secret", "acme_main", "api_key", CANARY, said=CANARY)
    assert (argued.returncode, "a secret is no argument" in argued.stderr) == (2, True)
    assert CANARY not in argued.stdout + argued.stderr
    assert not (installed.home / "secrets" / "acme_main" / "api_key").exists()


def test_config_check_tells_a_secret_that_is_missing_until_it_is_there(installed: Appliance) -> None:
    use(installed)
    missing = installed.run("config", "check")
    assert (missing.returncode, missing.stderr) == (
        1, "exchange acme_main: secret api_key is missing: readytrader plugin secret acme_main api_key\n",
    )  # fmt: skip
    answer = json.loads(installed.run("config", "check", "--json").stdout)
    assert (answer["ok"], answer["problems"][0]["where"]) == (False, "exchange acme_main")
    installed.run("plugin", "secret", "acme_main", "api_key", said=CANARY)
    assert "sound, paper mode" in installed.done("config", "check")
    (installed.home / "secrets" / "acme_main" / "api_key").chmod(0o640)
    assert "mode 640 lets others in" in installed.run("config", "check").stderr


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "it is empty"), (b"\n", "it is empty"), (b"\xff\xfe", "not UTF-8"), (b"x" * 65537, "at most 65536 bytes")],
    ids=["empty", "blank", "bytes", "long"],
)
def test_what_is_no_secret_is_refused_without_its_content(
    installed: Appliance, tmp_path: Path, content: bytes, told: str
) -> None:
    use(installed)
    (tmp_path / "key").write_bytes(content)
    assert told in refused(installed, "secret", "acme_main", "api_key", "--from-file", str(tmp_path / "key"))
    assert not (installed.home / "secrets" / "acme_main" / "api_key").exists()


def test_a_secret_that_the_plugin_never_claimed_is_refused(installed: Appliance) -> None:
    use(installed)
    assert "has no secret api_secret; it has api_key" in refused(installed, "secret", "acme_main", "api_secret")


def test_verify_tells_a_secret_that_is_missing_or_open_to_others(installed: Appliance) -> None:
    use(installed)
    missing = installed.run("plugin", "verify")
    assert "readytrader plugin secret acme_main api_key" in missing.stdout
    installed.run("plugin", "secret", "acme_main", "api_key", "--from-file", "-", said=CANARY)
    (installed.home / "secrets" / "acme_main" / "api_key").chmod(0o640)
    opened = installed.run("plugin", "verify")
    assert (missing.returncode, opened.returncode) == (1, 1)
    assert "mode 640 lets others in" in opened.stdout
    assert CANARY not in opened.stdout


# --- publishing


def test_a_publisher_makes_a_key_signs_inspects_and_compares(appliance: Appliance, tmp_path: Path) -> None:
    key = tmp_path / "my.key"
    public = appliance.done("plugin", "keygen", str(key)).strip()
    assert public.startswith("ed25519:")
    assert key.stat().st_mode & 0o777 == 0o600
    one, two = plugin_wheel(tmp_path), plugin_wheel(tmp_path, version="1.1", claims=WIDER)
    for unsigned in (one, two):
        said = appliance.done("plugin", "sign", str(unsigned), "--key", str(key))
        assert public in said
    assert appliance.json("plugin", "inspect", str(one))["publisher"] == public
    assert "api.example.com:443" in appliance.done("plugin", "inspect", str(one))
    changes = appliance.done("plugin", "diff", str(one), str(two))
    assert "+ hosts: elsewhere.example.net:8443" in changes
    assert appliance.json("plugin", "diff", str(one), str(two))["claims_gained"] == [
        "hosts: elsewhere.example.net:8443"
    ]
    assert appliance.done("plugin", "diff", str(one), str(one)) == "the wheels say the same\n"


@pytest.mark.parametrize("kind", ["data_source", "exchange", "notifier", "router", "signer"])
def test_a_new_plugin_is_written_for_every_kind_and_never_over_another(appliance: Appliance, kind: str) -> None:
    said = appliance.done("plugin", "new", kind, "my-venue", "--into", "made")
    folder = appliance.folder / "made" / "my-venue"
    assert "my-venue" in said
    claims = tomllib.loads((folder / "src" / "my_venue" / "readytrader.toml").read_text())
    assert claims["kinds"] == [kind]
    assert "there already" in refused(appliance, "new", kind, "my-venue", "--into", "made")
    assert "expected" in refused(appliance, "new", kind, "../x", "--into", "made")


def test_a_key_file_is_never_replaced(appliance: Appliance, tmp_path: Path) -> None:
    key = tmp_path / "my.key"
    appliance.done("plugin", "keygen", str(key))
    before = key.read_bytes()
    assert "exists" in refused(appliance, "keygen", str(key))
    assert key.read_bytes() == before


def test_the_verbs_of_authors_need_no_home(appliance: Appliance, tmp_path: Path) -> None:
    shutil.rmtree(appliance.home)
    appliance.done("plugin", "keygen", str(tmp_path / "my.key"))
    appliance.done("plugin", "sign", str(plugin_wheel(tmp_path)), "--key", str(tmp_path / "my.key"))
    assert not appliance.home.exists()


# --- all of them


def test_a_configuration_that_is_refused_refuses_the_verbs_that_read_it(appliance: Appliance) -> None:
    appliance.configure("nonsense = 1")
    for verb in (("list",), ("verify",), ("secret", "sample", "x"), ("check", "sample")):
        finished = appliance.run("plugin", *verb)
        assert finished.returncode == 1
        assert "nonsense" in finished.stderr
