"""A process that races: `python -m tests.races.racer SOCKET`. A line of plans comes in, a line of replies goes out.

A plan is a list of lanes, each a list of requests for one connection. All requests of all lanes are sent before the
first reply is read, so that the daemon has as many at once as there are lanes. A plan that names a port and an access
token is a list of bodies for `POST /api/approve-trade` instead.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys


def main(path: str) -> None:
    lanes: list[socket.socket] = []
    for line in sys.stdin:
        plan = json.loads(line)
        if isinstance(plan, dict):
            tell([_over_http(plan["port"], plan["token"], plan["bodies"])])
            continue
        while len(lanes) < len(plan):
            lane = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            lane.connect(path)
            lanes.append(lane)
        for lane, requests in zip(lanes, plan, strict=False):
            lane.sendall(b"".join(json.dumps(request).encode() + b"\n" for request in requests))
        replies = [_replies(lane, len(requests)) for lane, requests in zip(lanes, plan, strict=False)]
        tell(replies)


def tell(replies: list[list[bool]]) -> None:
    sys.stdout.write(json.dumps(replies) + "\n")
    sys.stdout.flush()


def _over_http(port: int, token: str, bodies: list[dict[str, object]]) -> list[bool]:
    """Which of the decisions were made."""
    connection = http.client.HTTPConnection("localhost", port)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    done = []
    for body in bodies:
        connection.request("POST", "/api/approve-trade", json.dumps(body), headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status in (200, 409), answer.status
        done.append(answer.status == 200)
    connection.close()
    return done


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
