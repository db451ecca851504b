"""What a scenario may do on a platform, and what it may look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tests.desk_world import World

EARNINGS, APPROVALS = "earnings", "payout-approvals"


class Stage(Protocol):
    """People of a `World` (Ada and Bo earn, Mira and Tom approve, Ann is admin, Olga owner) on one platform.

    place: EARNINGS or APPROVALS, or "" for somebody's messages with the desk. Every text is what a person reads.
    """

    name: str
    world: World

    def code(self, who: str) -> str:
        """A code for linking, as the platform's account page gives it."""
        ...

    async def link(self, *people: str) -> None:
        """Have their accounts speak for them, without a word."""
        ...

    async def subscribe(self, place: str, topic: str) -> None:
        """Have a channel hear of "digest" or "approvals"."""
        ...

    async def type(self, who: str, line: str, place: str = "") -> str:
        """Type a command; the answer, or the form that opened."""
        ...

    async def offered(self, who: str, command: str) -> list[str]:
        """What a person is offered who has typed a command (`/analytics`) and is to name its first argument."""
        ...

    async def press(self, who: str, label: str) -> str:
        """Press the newest button of that name that they see; the answer, or the form that opened."""
        ...

    async def choose(self, who: str, menu: str, option: str) -> str:
        """Choose in the newest such menu that they see; the answer."""
        ...

    async def fill(self, who: str, **answers: str) -> str:
        """Answer the open form, by the fields' labels with _ for spaces (or their beginnings); the desk's answer."""
        ...

    def private(self, who: str) -> list[str]:
        """What they alone see, oldest first, wherever it stands."""
        ...

    def public(self, place: str) -> list[str]:
        """What everyone in a channel sees, oldest first."""
        ...

    def files(self, who: str) -> dict[str, bytes]:
        """Files that they alone were given, by name."""
        ...

    def pictures(self) -> list[str]:
        """The alternative texts of every chart that is to be seen, native or picture."""
        ...

    async def home(self, who: str) -> str:
        """Open the dashboard."""
        ...

    def standing_home(self, who: str) -> str:
        """The dashboard as it stands on somebody's screen."""
        ...

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something is to be seen that the desk says unasked."""
        ...
