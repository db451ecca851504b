"""The demo's sample data: like a real platform, the same for the same moment, and whole."""

from __future__ import annotations

import datetime as dt
import re
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from adapters.rails.manual import Manual
from bot import sample
from bot.bootstrap import build
from bot.clock import AdjustableClock
from bot.demo import fill
from bot.relay import Relay
from bot.sample_assistants import ASSISTANTS
from bot.sample_data import CREATORS
from bot.settings import Secret, Settings
from core import migrations, people
from core.chat import announcements
from core.chat.desk import Desk
from core.earnings.tables import Project, UsageEvent, UsageVoid
from core.ledger import accounts, seal
from core.migrations import NotOurDatabase
from core.people import Identity
from core.storage import Base, Database, make_engine, table_of
from core.verify import verify
from tests.bot_world import FakePort, StillClock
from tests.commands import get, process

NOW = dt.datetime(2026, 1, 14, 9, 30, tzinfo=dt.UTC)
RAILS = {"manual": Manual()}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """The sample data on SQLite."""
    engine = make_engine(f"sqlite:///{tmp_path_factory.mktemp('demo')}/demo.db")
    Base.metadata.create_all(engine)
    database = Database(engine, announcements.announce)
    sample.load(database, RAILS, NOW)
    return database


def test_looks_like_a_platform(demo: Database) -> None:
    """About 40 creators and 130 projects, some deleted; own use, late and voided events; the books are whole."""
    with demo.reading() as session:
        project = table_of(Project)
        event = table_of(UsageEvent)
        assert len(CREATORS) == 40
        assert 120 <= session.execute(select(func.count()).select_from(project)).scalar_one() <= 145
        assert session.execute(select(func.count()).where(project.c.deleted_at.is_not(None))).scalar_one() >= 3
        own = select(func.count()).join_from(event, project, project.c.project_id == event.c.project_id)
        assert session.execute(own.where(event.c.user_id == project.c.creator_id)).scalar_one() > 100
        assert session.execute(select(func.count()).where(table_of(UsageVoid).c.applied)).scalar_one() >= 5
        late = session.connection().execute(text("SELECT count(*) FROM settlement_line WHERE late")).scalar_one()
        assert late > 10
        first, last = session.execute(select(func.min(event.c.occurred_at), func.max(event.c.occurred_at))).one()
        assert (last - first).days >= 88
        assert [check for check in verify(session) if not check.ok] == []


def test_people_to_play(demo: Database) -> None:
    """Two creators with money to withdraw, two approvers, an owner; one request waits for two approvers; three months
    of assistants were paid out, and who is on hold was passed over."""
    with demo.reading() as session:
        roles = {one.name: one.roles for one in people.list_people(session) if one.roles}
        assert roles == {
            "Mira": frozenset({"approver"}),
            "Tom": frozenset({"approver", "admin"}),
            "Noor": frozenset({"owner"}),
        }
        for user_id in ("ada", "kenji", "mira", "tom", "noor"):
            assert people.actor_of(session, Identity("playground", user_id, "demo")) is not None
        for creator_id in ("ada", "kenji"):
            assert accounts.wallet(session, sample.PROGRAM, creator_id).available > 200_000_000
        states = session.connection().execute(text("SELECT state, count(*) FROM withdrawal GROUP BY state"))
        assert {row[0]: row[1] for row in states} == {"paid": 31, "rejected": 1, "requested": 1}
        skipped = session.connection().execute(text("SELECT creator_id, why FROM batch_skip"))
        assert {tuple(row) for row in skipped} == {("formula", "frozen")}
        needed = session.connection().execute(
            text("SELECT approvals_needed FROM withdrawal WHERE state = 'requested' AND amount >= 500000000")
        )
        assert needed.scalar_one() == 2


def test_every_creator_can_look_around(demo: Database) -> None:
    """Whatever someone is called, the desk's cards can be drawn for them."""
    desk = Desk(demo, sample.CONFIG, lambda: NOW)
    try:
        with demo.transaction() as session:
            actors = [people.resolve(session, one.creator_id) for one in CREATORS]
        for actor in actors:
            for line in ("/balance", "/stats", "/transactions", "/explain", "/payouts", "/methods"):
                assert desk.run_as(actor, line).ok, (actor.name, line)
        for one in ASSISTANTS:
            actor = next(actor for actor in actors if actor.creator_id == one.creator_id)
            for line in (f"/analytics {one.project_id} growth", f"/stats {one.project_id} all", "/review monthly"):
                assert desk.run_as(actor, line).ok, (actor.name, line)
        assert desk.run_as(actors[0], "/withdraw 50 program=studio").ok
    finally:
        desk.close()


async def test_what_chat_hears(demo: Database) -> None:
    """The relay posts last night's digest of each program, the open request and a good morning from each; nothing of
    older history."""
    port, clock = FakePort("playground"), StillClock(NOW)
    await Relay(demo, sample.CONFIG, {port.platform: port}, RAILS, clock).drain()
    places = sorted((to.channel or to.user_id) for _, to, _ in port.posts)
    assert places == ["ada", "ada", "earnings", "earnings", "payout-approvals"]  # Kenji's morning has not come yet
    assert any("13 Jan" in card.title for _, _, card in port.posts)


@pytest.mark.deep
def test_the_same_moment_gives_the_same_books(demo: Database, sqlite_database: Database) -> None:
    """Filled again, the seal over the books is the same to the last digit."""
    fill_again(demo, sqlite_database)


@pytest.mark.deep
def test_either_database_gives_the_same_books(demo: Database, database: Database) -> None:
    """The seal doesn't depend on the kind of database either."""
    fill_again(demo, database)


def fill_again(demo: Database, database: Database) -> None:
    """The same sample in another database, with the same seal."""
    sample.load(Database(database.engine, announcements.announce), RAILS, NOW)
    with demo.reading() as one, database.reading() as other:
        assert seal.head(one) == seal.head(other)
    assert sample.present(database)


def test_never_mixed_with_real_data(sqlite_database: Database) -> None:
    """A database that holds somebody's data is refused; the demo's own is recognised."""
    assert not sample.present(sqlite_database)
    with sqlite_database.transaction() as session:
        session.connection().execute(
            text("INSERT INTO creator (creator_id, name, country, timezone) VALUES ('x', 'X', 'US', 'UTC')")
        )
    with pytest.raises(sample.NotEmpty):
        sample.present(sqlite_database)


def test_demo_serves_and_goes(tmp_path: Path) -> None:
    """`demo` prints its address, serves the page, and leaves nothing behind when it is stopped."""
    began = time.monotonic()
    with process(tmp_path, "demo", "--no-open", "--port", "0", TMPDIR=str(tmp_path)) as running:
        output = running.until("The playground is at", 60)
        found = re.search(r"http://127\.0\.0\.1:\d+", output)
        assert found is not None
        assert get(f"{found[0]}/")[0] == 200
        assert time.monotonic() - began < 60
        assert list(tmp_path.glob("earnings-desk-demo-*"))
        status, _ = running.stop()
    assert status == 0
    assert not list(tmp_path.glob("earnings-desk-demo-*"))
    assert "Traceback" not in running.output


def test_demo_on_a_database_that_stays(demo: Database, capsys: pytest.CaptureFixture[str]) -> None:
    """A database that the demo filled before is gone on with, and its clock never runs before its books."""
    url = demo.engine.url.render_as_string(hide_password=False)
    clock = AdjustableClock()
    clock.set(NOW - dt.timedelta(days=3))
    app = build(Settings(desk=sample.CONFIG, database_url=Secret(url)), clock)
    with pytest.raises(NotOurDatabase):  # made by the models alone, without a record of migrations
        fill(app, clock)
    with demo.transaction() as session:
        session.connection().execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        newest = migrations.revisions()[-1]
        session.connection().execute(text("INSERT INTO alembic_version VALUES (:newest)"), {"newest": newest})
    fill(app, clock)
    app.close()
    assert "going on with it" in capsys.readouterr().out
    assert clock() >= dt.datetime(2026, 1, 14, 3, tzinfo=dt.UTC)
