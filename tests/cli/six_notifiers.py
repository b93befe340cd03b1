"""All six notifiers of one appliance, each before a stand-in of its service on loopback."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from tests.cli.appliances import Appliance
from tests.plugins.notifying import LINES
from tests.plugins.services import mailing
from tests.plugins.serving import receiving

WEBHOOK_KEY = "whsec_" + base64.b64encode(bytes(range(32))).decode()
SIX = (*(line.plugin for line in LINES), "webhook", "email")


def table(plugin: str, port: int, settings: Mapping[str, str], host: str = "127.0.0.1") -> str:
    given = ", ".join(f'{name} = "{value}"' for name, value in settings.items())
    return (
        f'[[notifier]]\nname = "my_{plugin}"\nplugin = "{plugin}"\nprivate_hosts = ["{host}:{port}"]\n'
        f"settings = {{{given}}}\n"
    )


@contextmanager
def six_services(appliance: Appliance, more: str = "") -> Iterator[Callable[[], dict[str, list[str]]]]:
    """Configured, with their secrets; what each was sent so far, as text."""
    with ExitStack() as stack:
        tables, secrets, read = [], [], {}
        for line in LINES:
            receiver = stack.enter_context(receiving())
            receiver.act = line.act(receiver)
            given = line.context(receiver)
            tables.append(table(line.plugin, receiver.port, given.settings))
            secrets += [(f"my_{line.plugin}", name, value) for name, value in given.secrets.items()]
            read[line.plugin] = lambda line=line, receiver=receiver: [line.shown(it) for it in receiver.posted]
        hook = stack.enter_context(receiving())
        tables.append(table("webhook", hook.port, {"url": f"http://127.0.0.1:{hook.port}/x"}))
        secrets.append(("my_webhook", "signing_key", WEBHOOK_KEY))
        read["webhook"] = lambda: [it.body.decode() for it in hook.posted]
        mailbox, port = stack.enter_context(mailing(auth=False))
        mail = {
            "host": "localhost",
            "port": str(port),
            "security": "none",
            "from": "rt@x.example",
            "to": "ops@x.example",
        }
        tables.append(table("email", port, mail, "localhost"))
        read["email"] = lambda: [f"{it['subject']}\n{it.get_content()}" for it in mailbox.mails]
        appliance.configure(more + "".join(tables))
        for instance, name, value in secrets:
            done = appliance.run("plugin", "secret", instance, name, "--from-file", "-", said=value)
            assert done.returncode == 0, done.stderr
        yield lambda: {plugin: reading() for plugin, reading in read.items()}
