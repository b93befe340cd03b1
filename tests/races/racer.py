"""A process that races: `python -m tests.races.racer SOCKET`. A line of plans comes in, a line of replies goes out.

A plan is a list of lanes, each a list of requests for one connection. All requests of all lanes are sent before the
first reply is read, so that the daemon has as many at once as there are lanes.
"""

from __future__ import annotations

import json
import socket
import sys


def main(path: str) -> None:
    lanes: list[socket.socket] = []
    for line in sys.stdin:
        plan: list[list[dict[str, object]]] = json.loads(line)
        while len(lanes) < len(plan):
            lane = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            lane.connect(path)
            lanes.append(lane)
        for lane, requests in zip(lanes, plan, strict=False):
            lane.sendall(b"".join(json.dumps(request).encode() + b"\n" for request in requests))
        replies = [_replies(lane, len(requests)) for lane, requests in zip(lanes, plan, strict=False)]
        sys.stdout.write(json.dumps(replies) + "\n")
        sys.stdout.flush()


def _replies(lane: socket.socket, count: int) -> list[bool]:
    """Which of the requests were done."""
    received = b""
    while received.count(b"\n") < count:
        block = lane.recv(1 << 16)
        if not block:
            raise SystemExit("the daemon closed the connection")
        received += block
    return [json.loads(line)["ok"] for line in received.splitlines()]


if __name__ == "__main__":
    main(sys.argv[1])
