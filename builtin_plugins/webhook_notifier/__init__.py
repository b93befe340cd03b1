"""Posts notices to a URL of yours, signed, so that the receiver knows who sent them. Standard Webhooks, version 1.

Settings:

* `url`      where to; the instance must be granted its host (`hosts`, or `private_hosts` for a host of your own
             network). `https`, except for a host among `private_hosts`
* `ca_file`  optional: certificates (PEM) to trust in place of the system's

Secret:

* `signing_key`  `whsec_` and 24 to 64 bytes in base64; the receiver has the same

The body is the notice as canonical JSON (RFC 8785): `at`, `checkpoint`, `notice_id`, `severity`, `subject`, `text`. The
headers `webhook-id`, `webhook-timestamp` and `webhook-signature` are what the spec's libraries verify; the ID is the
notice's, so that a repeated delivery can be told from a second notice.
"""

from __future__ import annotations

from collections.abc import Mapping

from readytrader_sdk.hooks import NotifierFactory, hookimpl

from builtin_plugins.webhook_notifier.notifier import WebhookNotifier


@hookimpl
def register_notifiers() -> Mapping[str, NotifierFactory]:
    """`webhook`: signed posts."""
    return {"webhook": WebhookNotifier}
