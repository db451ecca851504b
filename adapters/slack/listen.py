"""Slack's payloads into the inbox, through slack-bolt, over either transport.

Bolt takes requests apart and finds the listener; it is told not to ask Slack about each one (its own authorization
would call auth.test before anything is acknowledged): whoever speaks is looked up at the desk, by workspace and user.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse

from adapters.inbox import Stopping
from adapters.slack import intake
from adapters.slack.intake import Deed

log = structlog.get_logger(__name__)
Take: TypeAlias = Callable[[Deed], Awaitable[None]]
_ANY = re.compile("")
_said = logging.getLogger("adapters.slack.bolt")


def bolt(take: Take, signing_secret: str, aliases: Mapping[str, str]) -> AsyncApp:
    """A bolt app that gives each deed to `take` and then acknowledges it.

    `process_before_response`: otherwise bolt looks for the acknowledgement every 10 ms, and drops it when a listener
    fails meanwhile. Signatures are checked on the raw body before bolt reads it (see `http`).
    """
    _said.setLevel(logging.ERROR)  # where SLACK_BOT_TOKEN is in the environment, bolt warns that it goes unused
    app = AsyncApp(
        name="earnings-desk",
        logger=_said,
        signing_secret=signing_secret,
        process_before_response=True,
        request_verification_enabled=False,
        authorize=_anyone,
    )
    _said.setLevel(logging.WARNING)

    async def listener(body: Mapping[str, object], ack: AsyncAck) -> BoltResponse | None:
        try:
            deed = intake.read(body, aliases)
            if deed is not None:
                await take(deed)
        except Stopping:
            return BoltResponse(status=503)
        except Exception:
            # Whatever is wrong with it, Slack sending it again would not mend it.
            log.exception("a payload could not be taken", type=body.get("type", "command"))
        await ack()
        return None

    app.command(_ANY)(listener)
    app.action(_ANY)(listener)
    app.view(_ANY)(listener)
    app.event(_ANY)(listener)
    return app


async def _anyone(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
    return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id)
