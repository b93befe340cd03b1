"""Sends notices to phones and desktops through ntfy: https://ntfy.sh, or a server of your own.

Settings:

* `priorities`  optional: ntfy's priorities, 1 to 5, of informations, warnings and critical notices; default `3, 4, 5`
* `ca_file`     optional: certificates (PEM) to trust in place of the system's

Secrets:

* `topic_url`  `https://ntfy.sh/TOPIC`, or that of your server, whose host the instance must be granted (`http` for a
               host among `private_hosts`). Where a topic needs no token, its name is the password: who knows it, reads
* `token`      optional: an access token (`tk_...`), for a topic that needs one

Titles and texts travel in a JSON body and are shown as plain text; no header is made of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from readytrader_sdk.hooks import NotifierFactory, hookimpl

from builtin_plugins.ntfy_notifier.notifier import NtfyNotifier


@hookimpl
def register_notifiers() -> Mapping[str, NotifierFactory]:
    """`ntfy`: push messages."""
    return {"ntfy": NtfyNotifier}
