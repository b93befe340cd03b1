"""What a worker is before its plugin: alone, closed off, with its own secrets, and the name it was started under."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from readytrader_sdk.egress import Endpoint

from appliance.plugin_host.frames import write_frame
from appliance.plugin_host.messages import Ping, Ready, encode
from appliance.plugin_host.specs import Rights
from appliance.plugin_host.worker.main import main
from tests.worker.client import BTC, PATIENCE_S, a_worker, an_exchange, private, with_secrets

KEY = "k3y-of-the-venue"


def told(expression: str) -> str:
    """A venue that tells this, as JSON, in place of an order's reason."""
    lines = ("async def find_order(self, order_id, symbol):", "    import json, resource, signal",
             f"    return report(order_id, reason=json.dumps({expression}))")  # fmt: skip
    return an_exchange("\n".join(lines))


def ask(folder: Path, expression: str, **how: Any) -> Any:
    with a_worker(folder, told(expression), **how) as worker:
        worker.ready()
        return json.loads(worker.call("find_order", "rt1", BTC)["reason"])


def test_a_worker_says_that_it_is_ready_and_what_its_cage_is(tmp_path: Path) -> None:
    with a_worker(tmp_path, an_exchange()) as worker:
        word = worker.start()
        assert isinstance(word, Ready)
        assert word.optional_methods == ()
        assert {"seccomp", "landlock_files", "not_dumpable"} <= word.cage.keys()


def test_a_worker_ends_when_the_core_does(tmp_path: Path) -> None:
    with a_worker(tmp_path, an_exchange()) as worker:
        worker.ready()
        worker.channel.close()
        assert worker.exit_code() == 0


def test_a_worker_ends_when_the_core_does_before_it_said_anything(tmp_path: Path) -> None:
    with a_worker(tmp_path, an_exchange()) as worker:
        worker.channel.close()
        assert worker.exit_code() == 2


@pytest.mark.parametrize("first", [b"\xc1", encode(Ping()), b"\x80", encode({"type": "start", "spec": {}})], ids=repr)
def test_what_is_not_a_start_ends_it(tmp_path: Path, first: bytes) -> None:
    with a_worker(tmp_path, an_exchange()) as worker:
        write_frame(worker.channel, first)
        assert worker.exit_code() == 2


def test_a_first_frame_that_claims_to_be_too_long_ends_it(tmp_path: Path) -> None:
    with a_worker(tmp_path, an_exchange()) as worker:
        worker.channel.sendall(b"\xff\xff\xff\xff")
        assert worker.exit_code() == 2


def test_a_worker_is_nobody_but_who_it_was_started_as(tmp_path: Path) -> None:
    with a_worker(tmp_path, an_exchange(), argument="other") as worker:
        assert worker.refused() == "started as other, asked to be acme"


def test_it_inherits_no_descriptor_and_no_environment(tmp_path: Path) -> None:
    lines = ("async def find_order(self, order_id, symbol):", "    import json", "    def is_open(number):",
             "        try: return bool(os.fstat(number))", "        except OSError: return False",
             "    numbers = [number for number in range(3, 256) if is_open(number)]",
             "    return report(order_id, reason=json.dumps([numbers, sorted(os.environ)]))")  # fmt: skip
    ours, theirs = socket.socketpair()
    with ours, theirs:
        inherited = (ours.fileno(), theirs.fileno())
        how: dict[str, Any] = {"descriptors": inherited, "environment": {"API_KEY": KEY}}
        with a_worker(tmp_path, an_exchange("\n".join(lines)), **how) as worker:
            worker.ready()
            numbers, names = json.loads(worker.call("find_order", "rt1", BTC)["reason"])
    assert not set(numbers) & set(inherited)
    assert len(numbers) <= 5  # the channel; the loop's epoll and its pair; the random device
    assert names == ["HOME", "LANG", "TMPDIR", "TZ"]


def test_its_folder_is_its_home(tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    seen = ask(tmp_path, "[os.getcwd(), os.environ['HOME'], time.tzname[0], oct(os.umask(0))]")
    assert seen == [state, state, "UTC", "0o77"]


def test_nothing_is_imported_from_its_folder(tmp_path: Path) -> None:
    (private(tmp_path / "state") / "colorsys.py").write_text("planted = True")
    assert ask(tmp_path, "hasattr(__import__('colorsys'), 'planted')") is False


def test_it_is_caged(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("outside")
    with a_worker(tmp_path, told(f"open({str(tmp_path / 'outside')!r}).read()")) as worker:
        worker.ready()
        _, text = worker.fails("find_order", "rt1", BTC)
        assert text == "find_order raised PermissionError"


def test_what_it_was_granted_to_read_it_can_read(tmp_path: Path) -> None:
    path = tmp_path / "granted"
    path.write_text("granted")
    assert ask(tmp_path, f"open({str(path)!r}).read()", rights=Rights(read_paths=(str(path),))) == "granted"


def test_a_measure_that_is_demanded_and_not_there_is_a_refusal(tmp_path: Path) -> None:
    with a_worker(tmp_path, an_exchange(), cage_required=("moat",)) as worker:
        assert worker.refused() == "moat: there is no such measure"


def test_it_knows_its_hosts_and_has_none_without_a_way_out(tmp_path: Path) -> None:
    lines = ("async def find_order(self, order_id, symbol):",
             "    allowed = self.context.http.allows('a.example', 443)", "    try:",
             "        socket.create_connection(('a.example', 443))", "    except PermissionError as error:",
             "        return report(order_id, reason=f'{allowed} {error.strerror}')")  # fmt: skip
    rights = Rights(hosts=(Endpoint("a.example", 443),))
    with a_worker(tmp_path, an_exchange("\n".join(lines)), rights=rights) as worker:
        worker.ready()
        assert worker.call("find_order", "rt1", BTC)["reason"].startswith("True this plugin has no hosts")


def test_a_state_folder_that_is_open_to_others_is_refused(tmp_path: Path) -> None:
    with a_worker(tmp_path, an_exchange()) as worker:
        (tmp_path / "state").chmod(0o750)
        assert "mode 750" in worker.refused()


def test_a_state_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(private(tmp_path / "state"))
    with a_worker(tmp_path, an_exchange(), state_folder=str(tmp_path / "link")) as worker:
        assert str(tmp_path / "link") in worker.refused()


def test_secrets_come_from_their_files_without_the_last_newline(tmp_path: Path) -> None:
    seen = ask(tmp_path, "dict(self.context.secrets)", secrets={"key": f"{KEY}\n", "pem": "a\nb\n\n"})
    assert seen == {"key": KEY, "pem": "a\nb\n"}


def test_secrets_that_were_not_granted_are_not_read(tmp_path: Path) -> None:
    with_secrets(tmp_path / "secrets", {"key": KEY, "other": "not granted"})
    assert ask(tmp_path, "dict(self.context.secrets)", rights=Rights(secrets=("key",))) == {"key": KEY}


def test_the_secrets_folder_is_out_of_reach_once_it_is_caged(tmp_path: Path) -> None:
    path = str(tmp_path / "secrets" / "key")
    with a_worker(tmp_path, told(f"open({path!r}).read()"), secrets={"key": KEY}) as worker:
        worker.ready()
        assert worker.fails("find_order", "rt1", BTC)[1] == "find_order raised PermissionError"


def spoil_mode(path: Path) -> None:
    path.chmod(0o640)


def spoil_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def spoil_gone(path: Path) -> None:
    path.unlink()


def spoil_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def spoil_folder(path: Path) -> None:
    path.unlink()
    path.mkdir(mode=0o700)


def spoil_size(path: Path) -> None:
    path.write_text(KEY * 5000)


def spoil_empty(path: Path) -> None:
    path.write_text("\n")


def spoil_bytes(path: Path) -> None:
    path.write_bytes(KEY.encode() + b"\xff")


def spoil_parent(path: Path) -> None:
    path.parent.chmod(0o770)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (spoil_mode, "mode 640 lets others in"),
        (spoil_link, "Too many levels of symbolic links"),
        (spoil_gone, "is missing"),
        (spoil_pipe, "no regular file"),
        (spoil_folder, "no regular file"),
        (spoil_size, "more than 65536 bytes"),
        (spoil_empty, "is empty"),
        (spoil_bytes, "is not UTF-8 text"),
        (spoil_parent, "mode 770 lets others in"),
    ],
)
def test_a_secret_that_is_not_there_or_not_closed_is_refused_by_name(
    tmp_path: Path, spoil: Any, complaint: str
) -> None:
    with a_worker(tmp_path, an_exchange(), secrets={"key": KEY}) as worker:
        spoil(tmp_path / "secrets" / "key")
        reason = worker.refused()
        assert str(tmp_path / "secrets") in reason
        assert complaint in reason
        assert KEY not in reason


@pytest.mark.parametrize("name", ["../key", "a/b", "", ".", ".."])
def test_a_secret_has_a_plain_name(tmp_path: Path, name: str) -> None:
    with a_worker(tmp_path, an_exchange(), rights=Rights(secrets=(name,))) as worker:
        assert "is no name of a secret" in worker.refused()


def test_a_key_for_permits_that_is_none_is_a_refusal(tmp_path: Path) -> None:
    with a_worker(tmp_path, an_exchange(), permit_key=b"short") as worker:
        assert "worker acme: it cannot start: ValueError" in worker.refused()


def test_an_exchange_without_a_venue_is_a_refusal(tmp_path: Path) -> None:
    with a_worker(tmp_path, an_exchange(), venue="") as worker:
        assert "worker acme: it cannot start: ValueError" in worker.refused()


def test_an_interrupt_at_the_terminal_is_for_the_core_alone(tmp_path: Path) -> None:
    seen = ask(tmp_path, "signal.getsignal(signal.SIGINT) == signal.SIG_IGN")
    assert seen is True


def test_what_the_plugin_left_behind_does_not_hold_up_its_end(tmp_path: Path) -> None:
    top = """
import atexit, threading
atexit.register(time.sleep, 600)
threading.Thread(target=time.sleep, args=(600,)).start()
"""
    with a_worker(tmp_path, an_exchange(top=top)) as worker:
        worker.ready()
        worker.channel.close()
        assert worker.process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize(
    "arguments",
    [[], ["acme"], ["acme", "--channel"], ["acme", "--channel", "x"], ["acme", "--channel", "3", "--egress", "-4"]],
    ids=" ".join,
)
def test_a_command_line_that_is_none_starts_nothing(arguments: list[str]) -> None:
    assert main(arguments) == 2
