"""Messages and ratings in: what is taken, refused, rolled up, and taken out again; on both databases."""

from __future__ import annotations

import itertools
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.earnings import intake
from core.earnings.intake.batch import COLUMNS, Batch, Block, UsageReader
from core.storage import Database
from tests.assistants_world import counted, everything, kept, message, open_helpers, rating, tell
from tests.conftest import count
from tests.intake_world import NOW, column, outcome, settle_through, usage, void

Row = dict[str, object]


@pytest.fixture
def desk(database: Database) -> Database:
    open_helpers(database)
    return database


def test_rolls_up_for_money_and_for_analytics(desk: Database) -> None:
    """Each message and rating counts in every roll-up that it belongs to, and marks its day and its month."""
    rows = [
        message("m1", question="Why\n  so?\t"),
        message("m2", tokens=50, question="Why so?", occurred_at="2026-01-13T10:29:59.999999Z"),
        message("m3", channel="embed", shared_context="Acme, support", occurred_at="2026-01-13T10:30:00Z"),
        message("m4", tokens=0, user_id="kim", project_id="cook", shared_context="not embed: kept, not counted"),
        message("m5", user_id="ada", tokens=7, channel="embed", question="My own?"),
        rating("r1"),
        rating("r2", user_id="ada", stars=5),
        usage("e1"),
    ]
    assert outcome(tell(desk, *rows)) == (8, 0, [])
    assert kept(desk, "usage_day") == {
        ("2026-01-13", "tutor"): (3, 1, 250, 100, 7),
        ("2026-01-13", "cook"): (1, 0, 0, 0, 0),
    }
    assert kept(desk, "month_use") == {("2026-01-01", "eve", "tutor"): (150,)}
    assert kept(desk, "visit") == {
        ("tutor", "2026-01-13", 41, 0, "eve", "c1"): (2, 150),
        ("tutor", "2026-01-13", 42, 1, "eve", "c1"): (1, 100),
        ("cook", "2026-01-13", 41, 0, "kim", "c1"): (1, 0),
    }
    assert kept(desk, "question") == {("tutor", "2026-01-13", "Why so?", "eve"): (2,)}
    assert kept(desk, "shared_context") == {("tutor", "2026-01-13", "eve", "Acme, support"): (1,)}
    assert kept(desk, "rating") == {("tutor", "2026-01-13", "r1"): ("eve", 4, "Clear")}
    assert sorted(map(str, column(desk, "SELECT program || ' ' || day FROM dirty_day"))) == [
        "helpers 2026-01-13",
        "studio 2026-01-13",
    ]
    assert column(desk, "SELECT program || ' ' || month FROM dirty_month") == ["helpers 2026-01-01"]
    assert column(desk, "SELECT credits FROM usage_day WHERE project_id = 'logo'") == [10_000_000]
    assert column(desk, "SELECT question FROM usage_event WHERE event_id = 'm1'") == ["Why   so?"]


def test_keeps_whatever_people_write(desk: Database) -> None:
    """Quotes, backslashes, commas and other scripts are data, in the event and in the roll-up, one by one or many."""
    odd = ['a "quote", \\N and \\.', "{braces},NULL", "=1+1 <@U1>", "\u202eright\u2028to left", "Ж" * 4_000, "'; DROP"]
    rows = [
        message(f"m{number}", question=words, channel="embed", shared_context=words, conversation_id=f'c\\"{number},{{')
        for number, words in enumerate(odd)
    ]
    ratings = [rating(f"r{number}", review=words) for number, words in enumerate(odd)]
    assert outcome(tell(desk, *rows, *ratings)) == (12, 0, [])
    assert everything(desk) == {
        **counted([*rows, *ratings]),
        "shared_context": {("tutor", "2026-01-13", "eve", " ".join(words.split())[:200]): (1,) for words in odd},
    }
    stored = column(desk, "SELECT question FROM usage_event WHERE kind = 'message' ORDER BY event_id")
    assert stored == odd
    assert outcome(tell(desk, *rows, *ratings)) == (0, 12, [])


REFUSED: list[tuple[Row, str, str]] = [
    (message(tokens=""), "tokens", "write 0 if this one had none"),
    (message(tokens="1.5"), "tokens", "whole number"),
    (message(tokens="-1"), "tokens", "not negative"),
    (message(tokens=1_000_000_001), "tokens", "0 to 1,000,000,000"),
    (message(tokens=1.0), "tokens", "decimal text"),
    (message(tokens=True), "tokens", "no exact number"),
    (message(channel="web"), "channel", "marketplace or embed"),
    (message(channel=""), "channel", "marketplace or embed"),
    (message(channel=7), "channel", "must be text"),
    (message(conversation_id=" "), "conversation_id", "is empty"),
    (message(conversation_id="x" * 201), "conversation_id", "at most 200"),
    (message(question="x" * 4_001), "question", "at most 4000"),
    (message(question="a\x00b"), "question", "control character"),
    (message(question=["a"]), "question", "must be text"),
    (message(shared_context="a\x1bb"), "shared_context", "control character"),
    (message(stars=5), "stars", "only for ratings"),
    (message(review="Good"), "review", "only for ratings"),
    (message(credits="1"), "credits", "kind credits"),
    (message(platform_cost="0"), "platform_cost", "kind credits"),
    (message(project_id="logo"), "kind", "programs of kind credits don't have"),
    (message(project_id="gone"), "project_id", "unknown"),
    (message(occurred_at="2026-01-20T12:05:01Z"), "occurred_at", "in the future"),
    (rating(stars=""), "stars", "1 to 5"),
    (rating(stars="0"), "stars", "1 to 5"),
    (rating(stars=6), "stars", "1 to 5"),
    (rating(stars="4.5"), "stars", "whole number"),
    (rating(review="x" * 4_001), "review", "at most 4000"),
    (rating(tokens="0"), "tokens", "only for messages"),
    (rating(channel="embed"), "channel", "only for messages"),
    (usage(project_id="tutor"), "kind", "programs of kind assistants don't have"),
    (usage(tokens="1"), "tokens", "kind assistants"),
    (void("x", "m0", tokens="1"), "tokens", "must be empty in a void"),
]


def test_refuses_by_field_and_reason(desk: Database) -> None:
    """What can't be taken names its field and what to do; the rows between are taken."""
    rows: list[Row] = []
    for number, (row, _field, _reason) in enumerate(REFUSED):
        rows += [message(f"good{number}"), row | {"event_id": f"bad{number}"}]
    report = tell(desk, *rows)
    wanted = [(2 * number + 1, field) for number, (_row, field, _reason) in enumerate(REFUSED)]
    assert outcome(report) == (len(REFUSED), 0, wanted)
    for one, (_row, _field, reason) in zip(report.rejected, REFUSED, strict=True):
        assert reason in one.reason
        assert one.reason.isprintable()


def test_duplicates_and_conflicts(desk: Database) -> None:
    """The same content is a duplicate however it is written; any other is a conflict that names what differs."""
    whole = message(question="Why?", channel="embed", shared_context="Acme")
    stars = rating()
    tell(desk, whole, stars)
    again = whole | {"tokens": 100, "question": " Why?\n", "occurred_at": "2026-01-13T11:20:00+01:00", "stars": None}
    assert outcome(tell(desk, again, stars | {"stars": 4})) == (0, 2, [])
    changes: list[Row] = [
        {"tokens": 101},
        {"channel": "marketplace"},
        {"conversation_id": "c2"},
        {"question": ""},
        {"shared_context": "Other"},
    ]
    report = tell(desk, *[whole | change for change in changes], stars | {"review": ""}, rating("m1"))
    assert [one.field for one in report.rejected] == ["event_id"] * 7
    for one, name in zip(report.rejected, [*(next(iter(change)) for change in changes), "review", "kind"], strict=True):
        assert f"another {name}" in one.reason
    assert everything(desk) == counted([whole, stars])


def test_voids_leave_no_trace_in_the_roll_ups(desk: Database) -> None:
    """A voided message or rating leaves every roll-up and marks its own day and month again; one voided before it
    comes never counts; a rating voided beside its coming leaves nothing."""
    rows = [message("m1", question="Why?"), message("m2", channel="embed", shared_context="Acme"), rating("r1")]
    tell(desk, *rows, message("m3"), void("v9", "m9"))
    with desk.transaction() as session:
        for table in ("dirty_day", "dirty_month"):
            session.connection().exec_driver_sql(f"DELETE FROM {table}")
    voids = [void(f"v{number}", str(row["event_id"])) for number, row in enumerate(rows)]
    assert outcome(tell(desk, *voids, message("m9"), rating("r2"), void("v10", "r2"))) == (6, 0, [])
    assert everything(desk) == counted([message("m3")])
    assert count(desk, "dirty_day") == count(desk, "dirty_month") == 1
    assert column(desk, "SELECT count(*) FROM visit WHERE messages = 0") == [0]


def test_late_messages_and_reopening(desk: Database) -> None:
    """A day's late limit holds for messages and their voids as for credits; reopened, they mark day and month."""
    tell(desk, message("m1", occurred_at="2025-12-13T10:00:00Z"))
    settle_through(desk, "2026-01-13", "helpers")
    late = [message("m2", occurred_at="2025-12-13T10:00:00Z"), void("v1", "m1")]
    report = tell(desk, *late, message("m3", occurred_at="2025-12-14T00:00:00Z"))
    assert outcome(report) == (1, 0, [(0, "occurred_at"), (1, "voids")])
    assert outcome(tell(desk, *late, reopen="Found a lost log")) == (2, 0, [])
    assert kept(desk, "month_use") == {("2025-12-01", "eve", "tutor"): (200,)}
    assert column(desk, "SELECT subject || ' ' || detail FROM audit_record") == [
        "helpers 2 rows, 1 days from 2025-12-13 to 2025-12-13: Found a lost log"
    ]


def test_a_day_can_hold_only_so_many_embed_tokens(desk: Database) -> None:
    """Embed tokens of a project-day stay where the highest price stays in BIGINT; other use of that day is taken."""
    much: Row = {"tokens": 1_000_000_000, "channel": "embed"}
    first = [message(f"m{number}", **much) for number in range(9)]
    assert outcome(tell(desk, *first)) == (9, 0, [])
    more = [
        message("x1", channel="embed", tokens=2_000_000),
        message("x2", tokens=5),
        message("x3", **much | {"user_id": "ada"}),
        rating("x4"),
        message("x5", **much | {"occurred_at": "2026-01-14T00:00:00Z"}),
    ]
    report = tell(desk, *more)
    assert outcome(report) == (4, 0, [(0, "tokens")])
    assert "9,000,000,000 tokens through embed" in report.rejected[0].reason
    assert column(desk, "SELECT max(embed_tokens) FROM usage_day") == [9_000_000_000]


moments = st.sampled_from(
    ["2026-01-12T23:59:59.999999Z", "2026-01-13T00:00:00Z", "2025-12-31T23:50:00Z", "2026-01-01T00:30:00+01:00"]
)
users = st.sampled_from(["ada", "bob", "eve", "kim"])
assistants = st.sampled_from(["tutor", "cook"])
messages = st.fixed_dictionaries(
    {
        "project_id": assistants,
        "user_id": users,
        "occurred_at": moments,
        "channel": st.sampled_from(["marketplace", "embed"]),
        "tokens": st.integers(0, 3),
        "conversation_id": st.sampled_from(["c1", "c2"]),
        "question": st.sampled_from(["", "Why?", "How\nso?"]),
        "shared_context": st.sampled_from([None, "Acme"]),
    }
).map(lambda changes: message(**changes))
ratings = st.fixed_dictionaries(
    {"project_id": assistants, "user_id": users, "occurred_at": moments, "stars": st.integers(1, 5)}
).map(lambda changes: rating(**changes))


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Row], list[list[Row]]]:
    """What happened, and how it arrives: each row once to three times, in batches, in any order."""
    events = draw(st.lists(messages | messages | ratings, max_size=12))
    truth: list[Row] = [row | {"event_id": f"e{number}"} for number, row in enumerate(events)]
    truth += [void(f"v{number}", f"e{number}") for number in draw(st.sets(st.integers(0, 13), max_size=6))]
    arriving = draw(st.permutations([row for row in truth for _ in range(draw(st.integers(1, 3)))]))
    cuts = sorted(draw(st.lists(st.integers(0, len(arriving)), max_size=4)))
    return truth, [list(arriving[start:end]) for start, end in itertools.pairwise([0, *cuts, len(arriving)])]


def prefixed(row: Row, prefix: str) -> Row:
    names = ("event_id", "project_id", "voids")
    return {name: f"{prefix}{value}" if value and name in names else value for name, value in row.items()}


@pytest.mark.parametrize("examples", [25, pytest.param(1_000, marks=pytest.mark.deep)])
def test_any_order_gives_the_same_roll_ups(database: Database, examples: int) -> None:
    """Shuffled, repeated, in late batches, voids before or after what they name: every roll-up is a plain count's."""
    prefixes = (f"x{number}-" for number in itertools.count())

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(histories())
    def holds(history: tuple[list[Row], list[list[Row]]]) -> None:
        truth, batches = history
        prefix = next(prefixes)
        open_helpers(database, prefix)
        for batch in batches:
            assert tell(database, *(prefixed(row, prefix) for row in batch)).rejected == []
        found = everything(database, prefix)
        found["rating"] = {
            (project, day, str(event_id).removeprefix(prefix)): values
            for (project, day, event_id), values in found["rating"].items()
        }
        assert found == counted(truth)

    holds()


def test_imports_at_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports of the same messages and voids that run at once, in slices that run at once too: nothing lost, nothing
    twice, and none waits for another for ever."""
    monkeypatch.setattr(intake, "SLICE_ROWS", 60)
    monkeypatch.setattr(intake, "_BLOCK_ROWS", 20)
    open_helpers(database)
    dice = random.Random(5)
    rows: list[Row] = [
        message(
            f"m{number}",
            project_id=dice.choice(["tutor", "cook"]),
            user_id=dice.choice(["eve", "kim", "ada"]),
            channel=dice.choice(["marketplace", "embed"]),
            question=dice.choice(["", "Why?"]),
            tokens=str(number % 7),
        )
        for number in range(300)
    ]
    rows += [rating(f"r{number}", user_id=f"u{number}") for number in range(30)]
    rows += [void(f"v{number}", f"{'mr'[number % 2]}{number}") for number in range(30)]

    def work(seed: int) -> tuple[int, int]:
        report = tell(database, *random.Random(seed).sample(rows, len(rows)))
        return report.accepted, len(report.rejected)

    with ThreadPoolExecutor(3) as threads:
        done = list(threads.map(work, range(3)))
    assert (sum(accepted for accepted, _ in done), [refused for _, refused in done]) == (360, [0, 0, 0])
    assert everything(database) == counted(rows)


def test_plain_messages_go_the_fast_way() -> None:
    """Whole columns of messages are taken at once, beside other kinds too; the exact way gives the same."""
    rows = [
        message(f"m{number}", question="Why?" if number % 2 else "", shared_context="", credits="")
        for number in range(9)
    ]
    mixed = [*rows, usage("e1"), rating("r1"), void("v1", "m1")]
    block = Block(range(12), list(zip(*[[row.get(name, "") for name in COLUMNS] for row in mixed], strict=True)))
    reader = UsageReader(COLUMNS, NOW)
    one_by_one: list[int] = []
    exact = reader._exact
    reader._exact = lambda batch, part: (one_by_one.extend(part.positions), exact(batch, part))[1]  # type: ignore[method-assign,func-returns-value,assignment]
    fast, slow = Batch(), Batch()
    reader.read(block, fast)
    exact(slow, block)
    assert one_by_one == [10, 11]
    assert fast.told == slow.told == 10
    assert sorted(zip(fast.ids, fast.days, map(fast.event, range(12)), strict=True)) == sorted(
        zip(slow.ids, slow.days, map(slow.event, range(12)), strict=True)
    )
