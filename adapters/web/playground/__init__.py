"""The playground: one page that behaves like a small chat client over the production handlers, with play money.

playground = Playground(desk, database, config, clock, jumps=…)   # a ChatPort: give it to the relay
mount(create_app(…), playground)                                  # the page at /
playground.close()                                                # before the server stops: ends the open streams
"""

from adapters.web.playground.guard import NextToRealTokens, NotLoopback, refuse_real_tokens, require_loopback
from adapters.web.playground.port import Playground
from adapters.web.playground.residents import GUEST, PLATFORM, WORKSPACE
from adapters.web.playground.routes import mount
from adapters.web.playground.timeline import CHANNELS

__all__ = [
    "CHANNELS",
    "GUEST",
    "PLATFORM",
    "WORKSPACE",
    "NextToRealTokens",
    "NotLoopback",
    "Playground",
    "mount",
    "refuse_real_tokens",
    "require_loopback",
]
