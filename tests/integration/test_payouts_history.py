"""What creators and the desk read of past money: lines, files, where a payout came from; on both databases."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import replace

import pytest

from core import audit
from core.earnings.tables import Creator, Project, SettledDay, SettlementLine
from core.ledger import accounts, journal
from core.payouts import adjustments, approvals, export, withdrawals
from core.payouts.breakdown import Part, breakdown
from core.payouts.history import ALL_STATUSES, Page, Transaction, UnknownStatus, transactions
from core.storage import Database
from tests.payouts_world import CONFIG, DOLLAR, HOUR, MANUAL, NOW, TWO_PROGRAMS, World

DAY = dt.timedelta(days=1)
REASON = "Looks like self-made traffic"


def project(world: World, project_id: str, name: str, creator: str = "ada", program: str = "studio") -> None:
    with world.session() as session:
        session.add(
            Project(
                project_id=project_id, creator_id=creator, program=program, name=name, published_on=dt.date(2025, 1, 1)
            )
        )


def earn(
    world: World, at: dt.datetime, creator: str = "ada", program: str = "studio", late: int = 0, **shares: int
) -> int:
    """One settlement's entry at a time, for the day before (`late`: that many days before), a share per project."""
    day = (at - DAY).date() - DAY * late
    with world.session() as session:
        usage = accounts.open_account(session, program, "usage")
        wallet = accounts.open_account(session, program, "available", creator)
        moves = [
            journal.Move(usage, wallet, share) if share > 0 else journal.Move(wallet, usage, -share)
            for share in shares.values()
        ]
        number = world.next_run()
        entry = journal.post(session, f"settlement:{program}:{number}", "settlement", at, moves)
        for seq, (project_id, share) in enumerate(shares.items(), 1):
            session.add(
                SettlementLine(
                    day=day,
                    project_id=project_id,
                    entry_id=entry.id or 0,
                    seq=seq,
                    share=share,
                    spent=share,
                    costs=0,
                    credits=share,
                    cost=0,
                    own_credits=0,
                    share_bp=5000,
                    credits_per_usd=100,
                    late=late > 0,
                )
            )
        if session.get(SettledDay, (program, day)) is None:
            session.add(SettledDay(program=program, day=day))
        return entry.id or 0


def page(world: World, creator: str = "ada", **wanted: object) -> Page:
    with world.database.reading() as session:
        return transactions(session, creator, **wanted)  # type: ignore[arg-type]


def brief(found: Page) -> list[tuple[str, int, str]]:
    return [(line.source, line.amount, line.status) for line in found.rows]


@pytest.fixture
def world(database: Database) -> World:
    """Ada has two projects and a history of three days; Bo has one line."""
    world = World(database)
    project(world, "logo", "Logo Lab")
    project(world, "pal", "Prompt Pal")
    project(world, "bos", "Bo's", "bo")
    morning = NOW.replace(hour=3, minute=0)
    world.first = earn(world, morning - DAY, logo=300 * DOLLAR, pal=100 * DOLLAR)
    world.second = earn(world, morning, logo=5 * DOLLAR, pal=-2 * DOLLAR)
    earn(world, morning, "bo", bos=9 * DOLLAR)
    world.third = earn(world, morning, late=1, logo=7)
    return world


def test_lines(world: World) -> None:
    """Newest first: what settled, per project-day, then what was asked for and corrected, each with its status."""
    made = world.request(60 * DOLLAR)
    world.now = NOW + HOUR
    with world.session() as session:
        fixed = adjustments.propose(session, world.config, NOW, world.ann, "ada", None, -DOLLAR, "goodwill taken back")
        adjustments.approve(session, world.config, world.now, world.amos, fixed.id or 0)
        adjustments.propose(session, world.config, world.now, world.ann, "ada", None, DOLLAR, "waits for a second")
    found = page(world)
    assert brief(found) == [
        ("Adjustment", -DOLLAR, "settled"),
        (f"WD-{made.id}", -60 * DOLLAR, "pending"),
        ("Logo Lab", 7, "settled"),
        ("Logo Lab", 5 * DOLLAR, "settled"),
        ("Prompt Pal", -2 * DOLLAR, "settled"),
        ("Logo Lab", 300 * DOLLAR, "settled"),
        ("Prompt Pal", 100 * DOLLAR, "settled"),
    ]
    assert (found.offset, found.older) == (0, False)
    morning = NOW.replace(hour=3, minute=0)
    assert found.rows[:4] == (
        Transaction(
            "adjustment",
            world.now,
            "ada",
            "studio",
            "Adjustment",
            -DOLLAR,
            "",
            "settled",
            fixed.id or 0,
            note="goodwill taken back",
        ),
        Transaction(
            "withdrawal", NOW, "ada", "studio", f"WD-{made.id}", -60 * DOLLAR, "manual", "pending", made.id or 0
        ),
        Transaction(
            "earning",
            morning,
            "ada",
            "studio",
            "Logo Lab",
            7,
            "",
            "settled",
            world.third,
            "logo",
            dt.date(2026, 1, 12),
            "late usage for 12 Jan",
        ),
        Transaction(
            "earning",
            morning,
            "ada",
            "studio",
            "Logo Lab",
            5 * DOLLAR,
            "",
            "settled",
            world.second,
            "logo",
            dt.date(2026, 1, 13),
        ),
    )
    assert brief(page(world, "bo")) == [("Bo's", 9 * DOLLAR, "settled")]
    assert sum(line.amount for line in found.rows) == world.wallet().available


def test_a_reason_is_a_note(world: World) -> None:
    """A rejected withdrawal's line says why; its amount is shown, its money is back."""
    made = world.request(60 * DOLLAR)
    with world.session() as session:
        approvals.reject(session, world.config, NOW, world.mira, made.id or 0, "test", REASON)
    (line,) = page(world, status="rejected").rows
    assert (line.amount, line.note, line.status) == (-60 * DOLLAR, REASON, "rejected")


def test_statuses(world: World) -> None:
    """A status narrows to the lines that have it; an unknown one is refused with the list."""
    world.fund(1000 * DOLLAR)
    sources = {}
    for status in ("pending", "processing", "completed", "failed", "rejected", "cancelled"):
        world.now += DAY * 2
        if status in ("processing", "completed", "failed"):
            made = world.sent(50 * DOLLAR)
        else:
            made = world.request(50 * DOLLAR)
        with world.session() as session:
            facts = (session, world.config, world.now)
            if status == "completed":
                withdrawals.mark_paid(*facts, None, made.id or 0)
            elif status == "failed":
                withdrawals.mark_failed(*facts, None, made.id or 0, "account closed")
            elif status == "rejected":
                approvals.reject(*facts, world.mira, made.id or 0, "test", REASON)
            elif status == "cancelled":
                withdrawals.cancel(*facts, world.ada, made.id or 0)
        sources[status] = f"WD-{made.id}"
    for status, source in sources.items():
        assert brief(page(world, status=status)) == [(source, -50 * DOLLAR, status)]
    assert {line.kind for line in page(world, status="settled").rows} == {"earning"}
    assert ALL_STATUSES == ("settled", "pending", "processing", "completed", "failed", "rejected", "cancelled")
    with pytest.raises(UnknownStatus) as refusal:
        page(world, status="gone")
    assert refusal.value.text == (
        "There is no status 'gone'. "
        "Choose one of: settled, pending, processing, completed, failed, rejected, cancelled."
    )


def test_paging(world: World) -> None:
    """Pages follow each other without gap or repetition, and say whether older lines follow."""
    for number in range(7):
        world.now = NOW + HOUR * number
        world.request(50 * DOLLAR)
    everything = page(world, limit=None)
    assert len(everything.rows) == 12
    assert not everything.older
    paged: list[Transaction] = []
    for offset in range(0, 12, 5):
        found = page(world, offset=offset, limit=5)
        assert (found.offset, found.older) == (offset, offset < 10)
        paged += found.rows
    assert tuple(paged) == everything.rows
    assert page(world, offset=7, limit=5).older is False
    assert len(page(world).rows) == 10
    assert page(world).older
    assert page(world, offset=100).rows == ()


def test_days_and_programs(database: Database) -> None:
    """from and to are UTC days, both included; a program narrows to its own lines."""
    world = World(database, TWO_PROGRAMS)
    project(world, "game", "Game", program="arcade")
    midnight = NOW.replace(hour=0, minute=0)
    earn(world, midnight - dt.timedelta(microseconds=1), program="arcade", game=DOLLAR)
    earn(world, midnight, program="arcade", game=2 * DOLLAR)
    earn(world, midnight + DAY, program="arcade", game=3 * DOLLAR)
    for at in (midnight - dt.timedelta(microseconds=1), midnight, midnight + DAY):
        world.now = at
        world.fund(50 * DOLLAR)
        world.request(50 * DOLLAR, program="studio")
        with world.session() as session:
            fixed = adjustments.propose(session, world.config, at, world.ann, "ada", "studio", DOLLAR, "goodwill")
            adjustments.approve(session, world.config, at, world.amos, fixed.id or 0)
    today = NOW.date()

    def amounts(**wanted: object) -> list[int]:
        return [line.amount // DOLLAR for line in page(world, "ada", limit=None, **wanted).rows]

    assert amounts() == [-50, 1, 3, -50, 1, 2, -50, 1, 1]
    assert amounts(start=today) == [-50, 1, 3, -50, 1, 2]
    assert amounts(end=today) == [-50, 1, 2, -50, 1, 1]
    assert amounts(start=today, end=today) == [-50, 1, 2]
    assert amounts(program="arcade") == [3, 2, 1]
    assert amounts(program="studio", start=today, end=today) == [-50, 1]
    with world.database.reading() as session:
        found = [line.amount // DOLLAR for line in export.everybodys(session, today, today)]
        assert found == [2, 1, -50]
        assert [line.amount // DOLLAR for line in export.everybodys(session)] == [1, 1, -50, 2, 1, -50, 3, 1, -50]
        out = io.StringIO()
        assert export.payouts_csv(session, out, today, today) == 1
        assert export.payouts_csv(session, out, today) == 2
        assert export.payouts_csv(session, out, None, today) == 2
        assert export.payouts_csv(session, out, program="arcade") == 0


def read(out: io.StringIO) -> list[dict[str, str]]:
    out.seek(0)
    return list(csv.DictReader(out))


def test_transactions_file(world: World) -> None:
    """The desk's file has everybody's lines, oldest first; a creator's own file only theirs, narrowed as asked."""
    world.request(60 * DOLLAR)
    with world.database.reading() as session:
        out = io.StringIO()
        assert export.transactions_csv(session, out) == 7
        lines = out.getvalue().splitlines()
        header = "at,creator_id,program,kind,source,project_id,day,amount_usd,method,status,note,earned_by,month"
        assert lines[0] == header
        assert lines[1] == "2026-01-13T03:00:00Z,ada,studio,earning,Logo Lab,logo,2026-01-12,300.000000,,settled,,,"
        assert lines[4] == "2026-01-14T03:00:00Z,ada,studio,earning,Prompt Pal,pal,2026-01-13,-2.000000,,settled,,,"
        assert lines[5].startswith("2026-01-14T03:00:00Z,bo,studio,earning,Bo's,bos,")
        assert lines[6].endswith("logo,2026-01-12,0.000007,,settled,late usage for 12 Jan,,")
        assert lines[7] == "2026-01-14T09:14:00Z,ada,studio,withdrawal,WD-1,,,-60.000000,manual,pending,,,"
        own = io.StringIO()
        assert export.transactions_csv(session, own, creator_id="ada") == 6
        assert {row["creator_id"] for row in read(own)} == {"ada"}
        assert [row["at"] for row in read(own)] == sorted(row["at"] for row in read(own))
        settled = io.StringIO()
        wanted = {"creator_id": "ada", "program": "studio", "status": "settled"}
        assert export.transactions_csv(session, settled, NOW.date(), NOW.date(), **wanted) == 3
        with pytest.raises(UnknownStatus):
            export.transactions_csv(session, io.StringIO(), creator_id="ada", status="gone")


def test_files_are_inert(sqlite_database: Database) -> None:
    """Names and reasons that a spreadsheet would run stay text; amounts stay numbers."""
    world = World(sqlite_database)
    project(world, "=1+1", '@"evil"')
    with world.session() as session:
        session.get_one(Creator, "ada").name = "=cmd|' /C calc'!A0"
    earn(world, NOW, "ada", "studio", 0, **{"=1+1": 60 * DOLLAR})
    made = world.request(60 * DOLLAR)
    with world.session() as session:
        approvals.reject(session, world.config, NOW, world.mira, made.id or 0, "test", "-2+3 is no reason")
        rows, payouts = io.StringIO(), io.StringIO()
        export.transactions_csv(session, rows)
        export.payouts_csv(session, payouts)
    earned, asked = read(rows)
    assert (earned["source"], earned["project_id"]) == ('\'@"evil"', "'=1+1")
    assert (asked["amount_usd"], asked["note"]) == ("-60.000000", "'-2+3 is no reason")
    (payout,) = read(payouts)
    assert (payout["creator_name"], payout["reason"]) == ("'=cmd|' /C calc'!A0", "'-2+3 is no reason")


def test_payouts_file(world: World) -> None:
    """The payouts file tells each withdrawal's whole life; a creator's own names nobody of the desk."""
    world.config = replace(CONFIG, methods=(replace(MANUAL, fee_micros=DOLLAR),))
    paid = world.sent(60 * DOLLAR)
    with world.session() as session:
        withdrawals.mark_paid(session, world.config, NOW + HOUR, world.ann, paid.id or 0, "T-1")
    cancelled = world.request(50 * DOLLAR)
    with world.session() as session:
        withdrawals.cancel(session, world.config, NOW, world.ada, cancelled.id or 0)
    world.fund(100 * DOLLAR, "bo")
    world.request(51 * DOLLAR, world.bo)
    out, own = io.StringIO(), io.StringIO()
    with world.database.reading() as session:
        assert export.payouts_csv(session, out) == 3
        assert export.payouts_csv(session, own, creator_id="ada", program="studio") == 2
    assert read(out)[0] == {
        "id": str(paid.id),
        "creator_id": "ada",
        "creator_name": "Ada",
        "program": "studio",
        "state": "paid",
        "status": "completed",
        "amount_usd": "60.000000",
        "fee_usd": "1.000000",
        "net_usd": "59.000000",
        "method": "manual",
        "destination": "",
        "requested_at": "2026-01-14T09:14:00Z",
        "approved_at": "2026-01-14T09:14:00Z",
        "sent_at": "2026-01-14T09:14:00Z",
        "ended_at": "2026-01-14T10:14:00Z",
        "ended_by": "Ann",
        "expected_from": "2026-01-15",
        "expected_by": "2026-01-20",
        "approved_by": "Mira",
        "reason": "",
        "reference": "T-1",
    }
    assert [(row["state"], row["ended_by"], row["sent_at"]) for row in read(out)[1:]] == [
        ("cancelled", "Ada", ""),
        ("requested", "", ""),
    ]
    assert [(row["state"], row["ended_by"], row["approved_by"]) for row in read(own)] == [
        ("paid", "", ""),
        ("cancelled", "Ada", ""),
    ]


def test_both_approvers_stand_in_the_file(world: World) -> None:
    """Two approvers are named in the order in which they spoke."""
    world.fund(500 * DOLLAR)
    made = world.request(600 * DOLLAR)
    world.approve(made.id, world.tom, world.mira)
    out = io.StringIO()
    with world.database.reading() as session:
        export.payouts_csv(session, out)
    assert read(out)[0]["approved_by"] == "Tom, Mira"


def parts(world: World, withdrawal_id: int | None) -> list[Part]:
    with world.database.reading() as session:
        return breakdown(session, withdrawals.find(session, withdrawal_id or 0))


def test_breakdown(world: World) -> None:
    """A payout's amount comes from the projects in proportion to what they had left; the parts sum to it."""
    first = world.request(100 * DOLLAR)  # of 305.000007 and 98
    logo = 100 * DOLLAR * 305_000_007 // 403_000_007
    assert parts(world, first.id) == [
        Part("logo", "Logo Lab", logo + 1),  # the larger remainder gets the left-over micro
        Part("pal", "Prompt Pal", 100 * DOLLAR - logo - 1),
    ]
    world.now = NOW + HOUR
    earn(world, world.now, pal=50 * DOLLAR)
    rest = world.request(None)
    found = parts(world, rest.id)
    assert sum(part.amount for part in found) == rest.amount
    assert parts(world, first.id)[0] == Part("logo", "Logo Lab", logo + 1)  # later earnings change nothing
    together = {part.project_id: part.amount for part in found}
    for part in parts(world, first.id):
        together[part.project_id] += part.amount
    # Both payouts together use up all but the cut-off part of a cent.
    assert 305_000_007 - together["logo"] + 148_000_000 - together["pal"] == 7


def test_breakdown_leaves_out_what_came_back(world: World) -> None:
    """A rejected request uses nothing up; adjustments and what nobody earned have parts of their own."""
    rejected = world.request(None)
    with world.session() as session:
        approvals.reject(session, world.config, NOW, world.mira, rejected.id or 0, "test", REASON)
        fixed = adjustments.propose(session, world.config, NOW, world.ann, "ada", None, 100 * DOLLAR, "goodwill")
        adjustments.approve(session, world.config, NOW, world.amos, fixed.id or 0)
        adjustments.propose(session, world.config, NOW, world.ann, "ada", None, 100 * DOLLAR, "not approved")
    world.fund(50 * DOLLAR)
    everything = world.request(None)
    assert parts(world, everything.id) == [
        Part("logo", "Logo Lab", 305_000_007),
        Part("", "Adjustments", 100 * DOLLAR),
        Part("pal", "Prompt Pal", 98 * DOLLAR),
        Part("", "Other", 50 * DOLLAR - 7),
    ]
    assert [part.name for part in parts(world, rejected.id)] == ["Logo Lab", "Prompt Pal"]


def test_breakdown_of_nothing_earned(sqlite_database: Database) -> None:
    """Money that no project earned is all "Other"."""
    world = World(sqlite_database)
    world.fund(60 * DOLLAR)
    assert parts(world, world.request(None).id) == [Part("", "Other", 60 * DOLLAR)]


def test_the_last_day_there_is(database: Database) -> None:
    """Histories and files up to 31 December 9999 hold everything: no day comes after it."""
    world = World(database)
    project(world, "p1", "Logo Lab")
    earn(world, NOW, p1=20 * DOLLAR)
    last = dt.date.max
    out = io.StringIO()
    with world.database.reading() as session:
        assert len(transactions(session, "ada", None, NOW.date(), last).rows) == 1
        assert export.transactions_csv(session, out, None, last) == 1
        assert export.payouts_csv(session, out, None, last) == 0
        assert audit.export_csv(session, out, None, last) == len(world.trail())
