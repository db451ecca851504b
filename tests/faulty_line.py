"""A desk's week over a bad line, on any platform: what happens, what has to reach it, what stands at the end."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from bot.relay import Relay
from core import people
from core.chat import outbox, subscriptions
from core.chat.outbox import Destination
from core.chat.registry import Reply
from tests.desk_world import World, jan, said

EMPTY = outbox.Backlog(0, None, None)
LINKED = ("ada", "bo", "Mira", "Tom", "Ann", "Amos", "Olga")


class Shown(Protocol):
    """A message as a platform shows it."""

    @property
    def plain(self) -> str: ...


@dataclass
class FaultyLine(abc.ABC):
    """The desk's relay on one of our platforms."""

    earnings: ClassVar[str]
    approvals: ClassVar[str]

    world: World
    relay: Relay

    @abc.abstractmethod
    def destination(self, channel: str) -> Destination: ...

    @abc.abstractmethod
    def in_channel(self, channel: str) -> Sequence[Shown]:
        """What stands in a channel."""

    @abc.abstractmethod
    def told(self, name: str) -> Sequence[Shown]:
        """Somebody's direct messages."""

    @abc.abstractmethod
    def check(self) -> None:
        """Nothing stands twice, and nothing was sent that the platform forbids."""

    def subscribe(self, channel: str, topic: subscriptions.Topic) -> None:
        with self.world.database.transaction() as session:
            olga, to = people.resolve(session, "Olga"), self.destination(channel)
            subscriptions.subscribe(session, self.world.now, olga, to, topic, full=topic == "digest")

    def unsubscribe(self, channel: str, topic: subscriptions.Topic) -> None:
        with self.world.database.transaction() as session:
            olga = people.resolve(session, "Olga")
            subscriptions.unsubscribe(session, self.world.now, olga, self.destination(channel), topic)

    def digest(self) -> None:
        """A day's digest."""
        self.subscribe(self.earnings, "digest")
        self.world.now = max(self.world.now, jan(13, 11))
        self.world.earn("pal", jan(13, 9), 40)
        self.world.settle(jan(14, 3))

    def digest_again(self) -> None:
        """The same day's, brought up to date by late usage."""
        self.world.now = jan(14, 10)
        self.world.earn("song", jan(13, 9), 2)
        self.world.settle(jan(14, 11))

    def request(self) -> None:
        """Ada asks for money: a card in the approvers' channel."""
        self.subscribe(self.approvals, "approvals")
        self.world.withdrawal("ada", "60")

    def request_in_direct_messages(self) -> None:
        """She asks again, when no channel hears of it."""
        self.unsubscribe(self.approvals, "approvals")
        self.world.withdrawal("ada", "70")

    def paid(self) -> Reply:
        """Amos says that it is paid."""
        self.world.pay()  # unless the relay has handed it over already
        return self.world.press("Amos", "payout.paid", "1", reference="T-77")

    def act(self, step: Step) -> None:
        """Have a step happen."""
        done = step.act(self)
        assert not isinstance(done, Reply) or done.ok, (step.what, said(done))

    def check_story(self) -> None:
        """What stands at the story's end: each thing once, as it is by now."""
        self.check()
        (digest,) = self.in_channel(self.earnings)
        assert "Settlement for 13 Jan" in digest.plain
        assert "$42.00" in digest.plain
        approval, to_pay, adjustment = (one.plain for one in self.in_channel(self.approvals))
        assert "WD-1" in approval
        assert "Mira" in approval
        assert "[Approve]" not in approval
        assert "WD-1" in to_pay
        assert "T-77" in to_pay
        assert "a bonus for the contest" in adjustment
        assert "Amos" in adjustment
        told = [one.plain for one in self.told("ada")]
        assert len(told) == len(set(told))
        for words in ("approved", "T-77", "a bonus for the contest", "the account is closed"):
            assert sum(words in one for one in told) == 1, told
        for name in ("Mira", "Tom"):
            (card,) = self.told(name)
            assert "WD-2" in card.plain
            assert "rejected" in card.plain.lower()
            assert "[Approve]" not in card.plain


@dataclass(frozen=True)
class Step:
    """Something happens; then, on a good line, these are what has to reach the platform."""

    what: str
    act: Callable[[FaultyLine], object]
    calls: tuple[tuple[str, str], ...]  # the call, and where: a channel or a person's name


def story(line: type[FaultyLine], post: str, edit: str, *, dashboard: str = "") -> tuple[Step, ...]:
    """The desk's week. post and edit: what the platform calls them; dashboard: what it calls drawing one, if it can."""
    drawn = ((dashboard, ""),) if dashboard else ()
    earnings, approvals = line.earnings, line.approvals
    return (
        Step("digest", FaultyLine.digest, ((post, earnings), *drawn)),
        Step("digest brought up to date", FaultyLine.digest_again, ((edit, earnings),)),
        Step("approval card", FaultyLine.request, ((post, approvals), *drawn)),
        Step(
            "approved, to be paid",
            lambda line: line.world.ask("Mira", "/desk approve 1"),
            ((edit, approvals), (post, approvals), (post, "ada"), *drawn),
        ),
        Step("paid", FaultyLine.paid, ((edit, approvals), (post, "ada"), *drawn)),
        Step(
            "adjustment card",
            lambda line: line.world.ask("Ann", '/desk adjust ada 5 "a bonus for the contest"'),
            ((post, approvals), *drawn),
        ),
        Step(
            "adjusted",
            lambda line: line.world.press("Amos", "adjust.approve", "1"),
            ((edit, approvals), (post, "ada"), *drawn),
        ),
        Step("card for each approver", FaultyLine.request_in_direct_messages, ((post, "Mira"), (post, "Tom"))),
        Step(
            "rejected",
            lambda line: line.world.press("Tom", "payout.reject", "2", reason="the account is closed"),
            ((edit, "Mira"), (edit, "Tom"), (post, "ada"), *drawn),
        ),
    )
