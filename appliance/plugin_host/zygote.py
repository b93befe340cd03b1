"""The zygote: a small process that has imported what every worker needs, and forks them on request.

It is executed afresh, so that its memory holds nothing of the core's, and nothing secret ever enters it: a fork of it
is as clean as a new process, starts in a few milliseconds, and shares the pages of the imported modules. It has one
thread, no event loop, and one socket, to the core, over which descriptors are passed (unix(7), SCM_RIGHTS). Forks share
the zygote's address-space layout; a worker that must not (a signer) is executed instead.
"""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable

import msgspec
from msgspec import Struct

PACKET_BYTES_MAX = 4096
DESCRIPTORS_MAX = 2
CRASHED = 70
"""A worker's exit code when its own code raised (sysexits.h, EX_SOFTWARE)."""

_SET_PDEATHSIG = 1
"""linux/prctl.h"""


Run = Callable[[str, int, int | None], int]
"""A worker's life: its name, its channel, and its way to the egress broker where it has one; its exit code."""


class Fork(Struct, frozen=True, kw_only=True, tag="fork", forbid_unknown_fields=True):
    """From the core: start a worker. With it come one or two descriptors: its channel, and its way to the broker."""

    name: str


class Forked(Struct, frozen=True, kw_only=True, tag="forked", forbid_unknown_fields=True):
    """It runs. With it comes its pidfd."""

    pid: int


class NotForked(Struct, frozen=True, kw_only=True, tag="not_forked", forbid_unknown_fields=True):
    """It does not run."""

    reason: str


class Exited(Struct, frozen=True, kw_only=True, tag="exited", forbid_unknown_fields=True):
    """A worker has ended: its exit code, or the negative number of the signal that ended it."""

    pid: int
    code: int


Reply = Forked | NotForked | Exited

encode = msgspec.msgpack.Encoder().encode
decode_reply = msgspec.msgpack.Decoder(Reply).decode
_decode_request = msgspec.msgpack.Decoder(Fork).decode


def serve(channel_fd: int) -> int:
    """Fork workers until the core closes its end; the exit code. The process's whole life."""
    core = socket.socket(fileno=channel_fd)
    _die_with_the_core()
    # All that a worker needs is imported here, once; also what only those with a gate need, as it costs a fork nothing.
    from appliance.plugin_host import cage
    from appliance.plugin_host.worker import permits as _  # noqa: F401
    from appliance.plugin_host.worker.main import run
    from appliance.plugin_host.worker.surroundings import go_first_when_memory_is_short

    go_first_when_memory_is_short()
    cage.harden()
    gc.collect()
    gc.freeze()
    Zygote(core, run).serve()
    return 0


class Zygote:
    """Turns requests into forks, and reaps them."""

    def __init__(self, core: socket.socket, run: Run) -> None:
        """`run` is a worker's whole life, in the fork."""
        self._core = core
        self._run = run
        self._selector = selectors.DefaultSelector()
        self._selector.register(core, selectors.EVENT_READ)
        self._children: dict[int, int] = {}
        """The process ID of each pidfd."""

    def serve(self) -> None:
        """Until the core closes its end. Raises what the socket raises when the core is gone in another way."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is not self._core:
                    self._reap(key.fd)
                elif not self._take_request():
                    return

    def _take_request(self) -> bool:
        packet, descriptors, _, _ = socket.recv_fds(
            self._core, PACKET_BYTES_MAX, DESCRIPTORS_MAX, socket.MSG_CMSG_CLOEXEC
        )
        if not packet:
            return False
        try:
            self._fork(_decode_request(packet).name, descriptors)
        except (OSError, msgspec.MsgspecError) as error:
            self._core.send(encode(NotForked(reason=f"{type(error).__name__}: {error}"[:200])))
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _fork(self, name: str, descriptors: list[int]) -> None:
        if not 1 <= len(descriptors) <= DESCRIPTORS_MAX:
            raise OSError(f"a request with {len(descriptors)} descriptors")
        pid = os.fork()
        if pid == 0:
            self._become(name, descriptors)
        pidfd = os.pidfd_open(pid)
        self._children[pidfd] = pid
        self._selector.register(pidfd, selectors.EVENT_READ)
        socket.send_fds(self._core, [encode(Forked(pid=pid))], [pidfd])

    def _become(self, name: str, descriptors: list[int]) -> None:
        """In the child: be the worker. Never returns, whatever happens: the zygote's loop is not the child's."""
        code = CRASHED
        try:
            self._forget()
            code = self._run(name, descriptors[0], descriptors[1] if len(descriptors) > 1 else None)
        except BaseException as error:  # noqa: BLE001 - the type says enough; a text could hold a secret
            sys.stderr.write(f"worker {name}: {type(error).__name__}\n")
        finally:
            os._exit(code)

    def _forget(self) -> None:
        """Close what is the zygote's: an object that closed a number later would close somebody else's descriptor."""
        self._selector.close()
        for pidfd in self._children:
            os.close(pidfd)
        self._core.close()

    def _reap(self, pidfd: int) -> None:
        pid = self._children.pop(pidfd)
        self._selector.unregister(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(pid, 0)
        self._core.send(encode(Exited(pid=pid, code=os.waitstatus_to_exitcode(status))))


def _die_with_the_core() -> None:
    from appliance.plugin_host.cage.libc import prctl

    prctl(_SET_PDEATHSIG, signal.SIGKILL)
