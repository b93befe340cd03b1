"""Posts notices into a Slack channel, through an incoming webhook of an app of yours.

Settings:

* `ca_file`  optional: certificates (PEM) to trust in place of the system's

Secret:

* `webhook_url`  the whole URL, `https://hooks.slack.com/services/...` (or hooks.slack-gov.com), as Slack shows it; it
                 may also lead to a host among the instance's `private_hosts`: a relay of yours that speaks as Slack
                 does

A message is plain text: markup, links, mentions and emoji codes in it are shown as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

from readytrader_sdk.hooks import NotifierFactory, hookimpl

from builtin_plugins.slack_notifier.notifier import SlackNotifier


@hookimpl
def register_notifiers() -> Mapping[str, NotifierFactory]:
    """`slack`: messages in a channel."""
    return {"slack": SlackNotifier}
