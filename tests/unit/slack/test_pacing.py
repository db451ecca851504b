"""Slack is called as often as it allows, and no more."""

from __future__ import annotations

import asyncio

import pytest

from adapters.slack.pacing import KEPT, ONE_CHANNEL, PACES, TIER_3, Pacer
from core.chat.outbox import TryLater

POST = "chat.postMessage"


class Time:
    """A monotonic clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def pacer(time: Time) -> Pacer:
    return Pacer(time, time.sleep)


async def test_a_short_burst_goes_out_at_once_and_then_one_post_a_second(pacer: Pacer, time: Time) -> None:
    """After ONE_CHANNEL.burst posts, each next one waits its second."""
    sent = []
    for _ in range(ONE_CHANNEL.burst + 3):
        await pacer.turn("T1", POST, "C1", patience=10)
        sent.append(time.now - 1_000)
    assert sent == [0.0] * ONE_CHANNEL.burst + [1.0, 2.0, 3.0]


async def test_a_pause_gives_the_burst_back(pacer: Pacer, time: Time) -> None:
    """A channel that was quiet takes a burst again."""
    for _ in range(ONE_CHANNEL.burst):
        await pacer.turn("T1", POST, "C1", patience=0)
    time.now += ONE_CHANNEL.burst
    for _ in range(ONE_CHANNEL.burst):
        await pacer.turn("T1", POST, "C1", patience=0)
    assert time.now == 1_000 + ONE_CHANNEL.burst


async def test_channels_workspaces_and_methods_do_not_wait_for_each_other(pacer: Pacer, time: Time) -> None:
    """A full lane holds nobody else back."""
    for _ in range(ONE_CHANNEL.burst):
        await pacer.turn("T1", POST, "C1", patience=0)
    await pacer.turn("T1", POST, "C2", patience=0)
    await pacer.turn("T2", POST, "C1", patience=0)
    await pacer.turn("T1", "chat.update", "C1", patience=0)
    assert time.now == 1_000


async def test_a_long_wait_is_said_at_once_and_takes_no_turn(pacer: Pacer, time: Time) -> None:
    """Whoever has no patience is told how long it would be, and does not push back those behind."""
    for _ in range(ONE_CHANNEL.burst + 2):
        await pacer.turn("T1", POST, "C1", patience=5)
    for _ in range(3):
        with pytest.raises(TryLater) as later:
            await pacer.turn("T1", POST, "C1", patience=0.5)
        assert later.value.seconds == pytest.approx(1.0)
    assert time.now == 1_002


async def test_all_channels_together_keep_to_the_workspaces_pace(pacer: Pacer, time: Time) -> None:
    """Posts to many channels are counted together as well."""
    workspace = PACES[POST]
    for number in range(workspace.burst):
        await pacer.turn("T1", POST, f"C{number}", patience=0)
    with pytest.raises(TryLater):
        await pacer.turn("T1", POST, "C-other", patience=0.1)
    await pacer.turn("T1", POST, "C-other", patience=1)
    assert time.now == pytest.approx(1_000 + workspace.seconds)


async def test_methods_go_by_their_tier(pacer: Pacer, time: Time) -> None:
    """Repaints beyond the burst are spread over the minute."""
    for _ in range(TIER_3.burst + 1):
        await pacer.turn("T1", "chat.update", "C1", patience=2)
    assert time.now == pytest.approx(1_000 + 60 / TIER_3.per_minute)


async def test_a_wait_that_slack_asked_for_is_kept_by_that_lane_alone(pacer: Pacer, time: Time) -> None:
    """After a 429 nothing goes out there until it is over."""
    pacer.shut("T1", POST, "C1", 30)
    with pytest.raises(TryLater) as later:
        await pacer.turn("T1", POST, "C1", patience=2)
    assert later.value.seconds == pytest.approx(30)
    await pacer.turn("T1", POST, "C2", patience=0)
    time.now += 30
    await pacer.turn("T1", POST, "C1", patience=0)


async def test_a_lane_that_is_shut_while_somebody_waits_keeps_them_waiting(time: Time) -> None:
    """A 429 counts for those who had their turn already, as long as they have not gone out."""

    async def sleep(seconds: float) -> None:
        if time.now == 1_000:
            paced.shut("T1", POST, "C1", 5)
        await time.sleep(seconds)

    paced = Pacer(time, sleep)
    for _ in range(ONE_CHANNEL.burst):
        await paced.turn("T1", POST, "C1", patience=0)
    await paced.turn("T1", POST, "C1", patience=10)
    assert time.now == pytest.approx(1_005)


async def test_a_wait_that_grows_beyond_patience_ends_it(time: Time) -> None:
    """Shut for longer than the caller waits: told, not held."""

    async def sleep(seconds: float) -> None:
        paced.shut("T1", POST, "C1", 60)
        await time.sleep(seconds)

    paced = Pacer(time, sleep)
    for _ in range(ONE_CHANNEL.burst):
        await paced.turn("T1", POST, "C1", patience=0)
    with pytest.raises(TryLater) as later:
        await paced.turn("T1", POST, "C1", patience=2)
    assert later.value.seconds == pytest.approx(59)


async def test_idle_lanes_are_forgotten(pacer: Pacer, time: Time) -> None:
    """A desk with many direct messages does not remember each of them for ever."""
    for number in range(KEPT * 2):
        time.now += 5
        await pacer.turn("T1", POST, f"D{number}", patience=0)
    assert len(pacer._lanes) <= KEPT
