"""What people choose, and which channels hear of what."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from core import people
from core.chat import settings, subscriptions
from core.chat.outbox import Destination
from core.chat.registry import RoleNeeded
from core.chat.settings import NoAccountThere, UnknownHour, UnknownTimezone
from core.chat.subscriptions import NotAChannel, NotSubscribed
from core.earnings.tables import Creator
from core.people import Actor, Identity
from core.storage import Database
from tests.payouts_world import NOW, World

HERE = Destination("playground", "demo", "earnings")


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def test_defaults_and_changes(world: World) -> None:
    """Who never chose has alerts, no morning message and no public name; each choice leaves the others."""
    with world.session() as session:
        chosen = settings.of(session, world.ada.person_id)
        assert (chosen.timezone, chosen.digest_hour, chosen.alerts, chosen.public_name) == ("", None, True, False)
        settings.change(session, world.ada.person_id, timezone="europe/berlin", digest_hour=9)
        settings.change(session, world.ada.person_id, alerts=False, public_name=True)
    with world.session() as session:
        chosen = settings.change(session, world.ada.person_id)
        assert (chosen.timezone, chosen.digest_hour, chosen.alerts, chosen.public_name) == (
            "Europe/Berlin",
            9,
            False,
            True,
        )
        assert settings.change(session, world.ada.person_id, digest_hour="off").digest_hour is None
        assert settings.change(session, world.ada.person_id, digest_hour=" 7 ").digest_hour == 7


def test_zone(world: World) -> None:
    """The person's own timezone comes first, then what the platform told of the creator, then UTC."""
    with world.session() as session:
        assert settings.zone_of(session, world.mira).key == "UTC"
        session.get_one(Creator, "ada").timezone = "America/New_York"
        session.flush()
        assert settings.zone_of(session, world.ada).key == "America/New_York"
        settings.change(session, world.ada.person_id, timezone="Asia/Tokyo")
        assert settings.zone_of(session, world.ada).key == "Asia/Tokyo"
        assert settings.zone_of(session, Actor(world.bo.person_id, "Bo", "gone", frozenset())).key == "UTC"
    assert settings.zone("Mars/Base").key == "UTC"


@pytest.mark.parametrize("text", ["berlin", "Europe/Berlin", "EUROPE/berlin", " berlin "])
def test_timezone_names(text: str) -> None:
    """A place's name will do."""
    assert settings.timezone_name(text) == "Europe/Berlin"
    assert settings.timezone_name("new york") == "America/New_York"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("berlim", r"Did you mean Europe/Berlin\?"),
        ("hong", r"Did you mean Asia/Hong_Kong\?"),
        ("../../etc/passwd", "America/New_York.$"),
        ("", "America/New_York.$"),
    ],
)
def test_unknown_timezones(text: str, hint: str) -> None:
    """An unknown one is refused, with the nearest name where there is one."""
    with pytest.raises(UnknownTimezone, match=hint):
        settings.timezone_name(text)


@pytest.mark.parametrize("hour", [24, -1, "noon", "", "007", "²"])
def test_unknown_hours(world: World, hour: int | str) -> None:
    """The hour is 0 to 23, or off."""
    with pytest.raises(UnknownHour), world.session() as session:
        settings.change(session, world.ada.person_id, digest_hour=hour)


def test_suggested_timezones() -> None:
    """Typing a part of a name offers those that contain it, at most 25."""
    assert "Europe/Berlin" in settings.suggest_timezones("berl")
    assert len(settings.suggest_timezones("")) == 25


def test_at_hour() -> None:
    """The next time that somebody's clock shows the hour; within that hour, now."""
    berlin = ZoneInfo("Europe/Berlin")
    settled = dt.datetime(2026, 1, 14, 3, 4, tzinfo=dt.UTC)
    assert settings.at_hour(settled, 9, berlin) == dt.datetime(2026, 1, 14, 8, tzinfo=dt.UTC)
    assert settings.at_hour(settled, 4, berlin) == settled
    assert settings.at_hour(settled, 3, berlin) == dt.datetime(2026, 1, 15, 2, tzinfo=dt.UTC)
    spring = dt.datetime(2026, 3, 28, 23, 30, tzinfo=dt.UTC)
    assert settings.at_hour(spring, 2, berlin) == dt.datetime(2026, 3, 29, 1, tzinfo=dt.UTC)
    autumn = dt.datetime(2026, 10, 24, 23, tzinfo=dt.UTC)
    assert settings.at_hour(autumn, 2, berlin) == dt.datetime(2026, 10, 25, 0, tzinfo=dt.UTC)


def test_subscribing(world: World) -> None:
    """Admins have digests come, approvers mark them full; a paused channel starts again when it is asked for anew."""
    with world.session() as session:
        made = subscriptions.subscribe(session, NOW, world.ann, HERE, "digest", "weekly")
        assert (made.cadence, made.full, made.created_by) == ("weekly", False, world.ann.person_id)
        assert subscriptions.destination(made) == HERE
        subscriptions.subscribe(session, NOW, world.mira, HERE, "approvals")
        assert len(subscriptions.pause(session, NOW, HERE, "gone")) == 2
        assert subscriptions.pause(session, NOW, HERE, "gone") == []
        assert subscriptions.active(session, "digest") == []
        subscriptions.subscribe(session, NOW, world.olga, HERE, "digest", full=True)
        (again,) = subscriptions.active(session, "digest")
        assert (again.cadence, again.full, again.created_by) == ("daily", True, world.ann.person_id)
        subscriptions.unsubscribe(session, NOW, world.ann, HERE, "digest")
        assert subscriptions.of_channel(session, HERE, "digest") is None


def test_who_may_subscribe(world: World) -> None:
    """An approver has no say in digests, an admin none in `full`, a creator in neither; only channels count."""
    with world.session() as session:
        for who, topic, full in (
            (world.mira, "digest", False),
            (world.ann, "digest", True),
            (world.ada, "approvals", False),
        ):
            with pytest.raises(RoleNeeded):
                subscriptions.subscribe(session, NOW, who, HERE, topic, full=full)  # type: ignore[arg-type]
        for nowhere in (Destination("cli"), Destination("slack", "T1", user_id="U1"), Destination("cli", "", "x")):
            with pytest.raises(NotAChannel):
                subscriptions.subscribe(session, NOW, world.olga, nowhere, "digest")
        with pytest.raises(NotSubscribed, match="gets no digests"):
            subscriptions.unsubscribe(session, NOW, world.olga, HERE, "digest")
        with pytest.raises(NotSubscribed, match="gets no approvals"):
            subscriptions.unsubscribe(session, NOW, world.olga, HERE, "approvals")


def test_where_direct_messages_go(world: World) -> None:
    """To the newest account, until its owner chooses a platform; and again once no account is left there."""
    with world.session() as session:
        ada = world.ada.person_id
        with pytest.raises(NoAccountThere, match=r"“slack”\. Messages can go to: newest\.$"):
            settings.change(session, ada, notices="slack")
    slack, discord = Identity("slack", "U1", "T1"), Identity("discord", "81")
    with world.session() as session:
        for one in (slack, discord):
            assert people.link(session, NOW, one, people.create_link_code(session, NOW, ada)[0]).ok

    def places() -> list[str]:
        with world.session() as session:
            return [one.platform for one in settings.accounts(session, ada)]

    def choose(word: str) -> None:
        with world.session() as session:
            settings.change(session, ada, notices=word)

    assert places() == ["discord", "slack"]
    choose(" Slack ")
    assert places() == ["slack", "discord"]
    with world.session() as session, pytest.raises(NoAccountThere, match="discord, slack, newest"):
        settings.change(session, ada, notices="playground")
    choose("newest")
    assert places() == ["discord", "slack"]
    choose("slack")
    with world.session() as session:
        people.unlink(session, NOW, slack)
    assert places() == ["discord"]
