"""Sends notices by e-mail, through a server that you may submit mail to (SMTP).

Settings:

* `host`      the server; the instance must be granted it with its port (`hosts`, or `private_hosts`)
* `port`      optional: 465 with `security = "tls"`, 587 with `starttls`, 25 with `none`
* `security`  `tls` (from the first byte, RFC 8314), `starttls` (refused where the server has none), or `none`: for a
              host among `private_hosts` alone, and without a user name
* `from`      the sender's address
* `to`        the recipients' addresses, with commas; at most 10
* `username`  optional: who signs in
* `ca_file`   optional: certificates (PEM) to trust in place of the system's

Secret:

* `password`  optional: of that user; needed where there is a `username`

A mail is plain text. Its `Message-ID` is made of the notice's ID, so that a repeated delivery can be told from a second
notice. Subject and text go into the mail as they are: no header is made of what they hold.
"""

from __future__ import annotations

from collections.abc import Mapping

from readytrader_sdk.hooks import NotifierFactory, hookimpl

from builtin_plugins.email_notifier.notifier import EmailNotifier


@hookimpl
def register_notifiers() -> Mapping[str, NotifierFactory]:
    """`email`: mails."""
    return {"email": EmailNotifier}
