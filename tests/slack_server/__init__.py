"""Our own Slack: the real protocol over loopback, for tests with the real slack-bolt and slack_sdk.

`SlackServer.start()` gives a server; `api_url` is its Web API, `signing_secret`, `app_token` and `client_id` are the
app's. Tests set up workspaces, act as people, order faults, and look at what stands in channels.
"""

from tests.slack_server.reading import plain
from tests.slack_server.server import SlackServer
from tests.slack_server.signing import RawRequest, signed, tampered, unsigned
from tests.slack_server.things import (
    Call,
    Channel,
    Ephemeral,
    Interaction,
    Message,
    SlackFile,
    User,
    View,
    Workspace,
)

__all__ = [
    "Call",
    "Channel",
    "Ephemeral",
    "Interaction",
    "Message",
    "RawRequest",
    "SlackFile",
    "SlackServer",
    "User",
    "View",
    "Workspace",
    "plain",
    "signed",
    "tampered",
    "unsigned",
]
