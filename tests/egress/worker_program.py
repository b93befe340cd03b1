"""A caged process with a worker's sockets; runs the code of its order and prints what that assigned to `answer`."""

from __future__ import annotations

import asyncio
import json
import socket
import sys

from readytrader_sdk.egress import Endpoint, HttpAllowance

from appliance.plugin_host import cage
from appliance.plugin_host.worker import sockets

PRELUDE = """
import asyncio, errno, json, os, socket, ssl, sys, time

def outcome(function, *arguments, **named):
    try:
        return function(*arguments, **named)
    except Exception as error:
        return [type(error).__name__, str(error)]

def run(coroutine):
    loop = event_loop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        loop.close()

def exchange(sock, said):
    sock.sendall(said)
    sock.shutdown(socket.SHUT_WR)
    read = b""
    while piece := sock.recv(65536):
        read += piece
    return read.decode()
"""

if __name__ == "__main__":
    order = json.loads(sys.argv[1])
    channel = None if order["fd"] < 0 else socket.socket(fileno=order["fd"])
    if order["cage"]:
        cage.enter(cage.Profile.WORKER, read_paths=cage.runtime_paths(), write_paths=[], required=())
    sockets.install(channel, HttpAllowance(hosts=(Endpoint("api.example.com", 443),)))
    names = {"arguments": order["arguments"], "event_loop": sockets.event_loop, "answer": None, "asyncio": asyncio}
    exec(PRELUDE + order["code"], names)  # the test's own code
    if channel is not None:
        channel.close()
    sys.stdout.write(json.dumps(names["answer"]))
