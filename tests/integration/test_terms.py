"""Programs and their dated terms, as configured and as settled; on both databases."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from core.config import DeskConfig, Program, Terms
from core.earnings.terms import KindCantChange, TermsChangeSettledDays, as_json, from_json, sync_programs
from core.errors import NotYetBuilt
from core.ledger import accounts
from core.storage import Database
from tests.intake_world import column

JAN = dt.date(2026, 1, 1)
FIRST = Terms(dt.date(2025, 1, 1))


def config(*terms: Terms, kind: str = "credits") -> DeskConfig:
    return DeskConfig(programs={"studio": Program("studio", kind, terms or (FIRST,))})


def sync(database: Database, wanted: DeskConfig) -> None:
    with database.transaction() as session:
        sync_programs(session, wanted)


def settle(database: Database, first: str, through: str) -> None:
    with database.transaction() as session:
        session.connection().exec_driver_sql(f"UPDATE program SET first_day = '{first}', settled_through = '{through}'")


def test_programs_and_their_accounts(database: Database) -> None:
    """A configured program has its row and accounts after any number of starts, its terms as configured."""
    sync(database, config(FIRST, Terms(JAN, 6000, 50, 20_000_000)))
    sync(database, config(FIRST, Terms(JAN, 6000, 50, 20_000_000)))
    assert column(database, "SELECT role FROM account ORDER BY role") == sorted(accounts.PROGRAM_ROLES)
    assert from_json(str(column(database, "SELECT terms FROM program")[0])) == (FIRST, Terms(JAN, 6000, 50, 20_000_000))


def test_an_unknown_kind_is_refused(database: Database) -> None:
    """A program of a kind that can't run yet is refused, and nothing of the configuration is kept."""
    with pytest.raises(NotYetBuilt, match="lotteries"):
        sync(database, config(kind="lotteries"))
    assert column(database, "SELECT slug FROM program") == []


def test_kind_cant_change(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program with books can't become one of another kind."""
    from core.earnings.programs import KINDS

    sync(database, config())
    monkeypatch.setitem(KINDS, "other", dataclasses.replace(KINDS["credits"], name="other"))  # type: ignore[type-var]
    with pytest.raises(KindCantChange, match="kind 'credits' in the books and 'other'"):
        sync(database, config(kind="other"))


def test_terms_of_unsettled_days_may_change(database: Database) -> None:
    """Before a day is settled its terms may change; so may those of days before the first usage."""
    sync(database, config())
    sync(database, config(Terms(dt.date(2025, 1, 1), 4000)))
    settle(database, "2026-01-05", "2026-01-13")
    sync(database, config(Terms(dt.date(2025, 1, 1), 4000), Terms(dt.date(2026, 1, 14), 6000)))
    sync(database, config(Terms(dt.date(2025, 1, 1), 100), Terms(dt.date(2026, 1, 5), 4000)))
    assert [one.share_bp for one in from_json(str(column(database, "SELECT terms FROM program")[0]))] == [100, 4000]


@pytest.mark.parametrize(
    ("changed", "days"),
    [
        ((Terms(dt.date(2025, 1, 1), 4000),), "2026-01-05 to 2026-01-13"),
        ((FIRST, Terms(dt.date(2026, 1, 13), 6000)), "would change 2026-01-13, which"),
        ((FIRST, Terms(dt.date(2026, 1, 7), 6000), Terms(dt.date(2026, 1, 9))), "2026-01-07 to 2026-01-08"),
        ((FIRST, Terms(dt.date(2026, 1, 6), 1), Terms(dt.date(2026, 1, 7), 2)), "2026-01-06 to 2026-01-13"),
        (
            (FIRST, Terms(dt.date(2026, 1, 6), 1), Terms(dt.date(2026, 1, 7)), Terms(dt.date(2026, 1, 10), 2)),
            "2026-01-06, 2026-01-10 to 2026-01-13",
        ),
        ((Terms(dt.date(2025, 1, 1), credits_per_usd=99),), "credits_per_usd 100, not 99"),
        ((Terms(dt.date(2025, 1, 1), minimum_micros=1),), "minimum_micros 50000000, not 1"),
        ((Terms(dt.date(2026, 1, 20), 1),), "2026-01-05 to 2026-01-13"),
    ],
)
def test_terms_of_settled_days_cant(sqlite_database: Database, changed: tuple[Terms, ...], days: str) -> None:
    """A change of settled days is refused, names them, says what was in force and what to do."""
    sync(sqlite_database, config())
    settle(sqlite_database, "2026-01-05", "2026-01-13")
    with pytest.raises(TermsChangeSettledDays, match=days) as refused:
        sync(sqlite_database, config(*changed))
    assert "from = 2026-01-14 or later" in refused.value.text
    assert "\n" not in refused.value.text
    assert from_json(str(column(sqlite_database, "SELECT terms FROM program")[0])) == (FIRST,)


def test_settled_without_known_first_day(sqlite_database: Database) -> None:
    """Where only the settled day is known, that day's terms are protected."""
    sync(sqlite_database, config())
    with sqlite_database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE program SET settled_through = '2026-01-13'")
    with pytest.raises(TermsChangeSettledDays, match="would change 2026-01-13,"):
        sync(sqlite_database, config(Terms(dt.date(2025, 1, 1), 4000)))


def test_program_left_out_keeps_its_books(sqlite_database: Database) -> None:
    """A program that is no longer configured stays in the database."""
    sync(sqlite_database, config())
    sync(sqlite_database, DeskConfig())
    assert column(sqlite_database, "SELECT slug FROM program") == ["studio"]


MONTHLY = Terms(dt.date(2025, 1, 1), share_bp=7000, referral_bp=2000, minimum_price=3_750_000)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (dataclasses.replace(MONTHLY, referral_bp=1900), "referral_bp 2000, not 1900"),
        (dataclasses.replace(MONTHLY, minimum_price=4_000_000), "minimum_price 3750000, not 4000000"),
    ],
)
def test_terms_of_assistants_are_kept_too(sqlite_database: Database, changed: Terms, words: str) -> None:
    """Commission and floor of settled days can't change either; the next day they may. Kind `credits` keeps neither."""
    sync(sqlite_database, config(MONTHLY, kind="assistants"))
    settle(sqlite_database, "2026-01-05", "2026-01-13")
    with pytest.raises(TermsChangeSettledDays, match=words):
        sync(sqlite_database, config(changed, kind="assistants"))
    later = dataclasses.replace(changed, valid_from=dt.date(2026, 1, 14))
    sync(sqlite_database, config(MONTHLY, later, kind="assistants"))
    assert from_json(str(column(sqlite_database, "SELECT terms FROM program")[0])) == (MONTHLY, later)
    assert "referral_bp" not in as_json(config(MONTHLY).programs["studio"])
