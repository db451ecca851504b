"""Accounts: names, numbers, opening and balances."""

from __future__ import annotations

import hashlib
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from core.ledger import accounts
from core.ledger.accounts import AccountCollision, BadAccountName, Wallet, account_id, name, problem_of
from core.ledger.journal import Move, post
from core.storage import Database
from tests.conftest import count
from tests.ledger_world import NOW

# The first 8 bytes of SHA-256("studio:available:ada"), without the top bit.
ADA = int.from_bytes(hashlib.sha256(b"studio:available:ada").digest()[:8], "big") % 2**63


def test_names() -> None:
    """An account is called program:role:creator; a program's own accounts have no creator part."""
    assert name("studio", "available", "ada") == "studio:available:ada"
    assert name("studio", "usage") == "studio:usage"
    assert name("studio", "rail:manual") == "studio:rail:manual"


def test_a_number_follows_from_the_name() -> None:
    """An account's number is the first 63 bits of its name's SHA-256, so it is the same on every desk."""
    assert account_id("studio", "available", "ada") == ADA
    assert account_id("studio", "usage") == 0x723E3BF1EF287F59
    # The SHA-256 of this one begins 0xb0: the top bit is left out, so that the number fits a BIGINT.
    assert account_id("studio", "subscriptions") == 0x30CC9FE51F9F9540


@given(st.text(min_size=1), st.text(min_size=1), st.sampled_from(accounts.WALLET_ROLES))
def test_no_two_wallets_share_a_name(one: str, other: str, role: str) -> None:
    """Different creators have different account names, whatever is in their ids."""
    assert (name("studio", role, one) == name("studio", role, other)) == (one == other)


@pytest.mark.parametrize(
    ("program", "role", "creator", "problem"),
    [
        ("", "usage", "", "not empty and holds no colon"),
        ("a:b", "usage", "", "not empty and holds no colon"),
        ("studio", "salary", "", "no such role"),
        ("studio", "", "", "no such role"),
        ("studio", "rail:", "", "no such role"),
        ("studio", "rails:manual", "", "no such role"),
        ("studio", "available", "", "wallets have a creator"),
        ("studio", "usage", "ada", "wallets have a creator"),
        ("studio", "rail:manual", "ada", "wallets have a creator"),
        ("studio", "available", "a\nda", "no control characters"),
        ("studio", "available", "ada\x7f", "no control characters"),
        ("stu\tdio", "usage", "", "no control characters"),
        ("studio", "rail:\x00", "", "no control characters"),
        ("studio", "available", "\ud800", "no broken Unicode"),
    ],
)
def test_refuses_names_that_could_be_mistaken(
    sqlite_database: Database, program: str, role: str, creator: str, problem: str
) -> None:
    """A name that could be another account's, or that no one would see through, is not opened."""
    with (
        sqlite_database.transaction() as session,
        pytest.raises(BadAccountName, match=rf"^Nothing changed\. '.*' can't be an account: .*{problem}"),
    ):
        accounts.open_account(session, program, role, creator)


@pytest.mark.parametrize("role", [*accounts.PROGRAM_ROLES, "rail:manual", "rail:a:b"])
def test_a_programs_own_accounts_are_fine(role: str) -> None:
    """Every role of a program, and any rail, can be an account."""
    assert problem_of("studio", role) == ""
    assert problem_of("studio", "available", "a:b =1+1 漢 ~") == ""


def test_opening_twice_gives_the_same_account(database: Database) -> None:
    """Opening is get-or-create: the number and the balance stay."""
    with database.transaction() as session:
        assert accounts.open_account(session, "studio", "available", "ada") == ADA
        usage = accounts.open_account(session, "studio", "usage")
        post(session, "k", "settlement", NOW, [Move(usage, ADA, 5)])
        assert accounts.open_account(session, "studio", "available", "ada") == ADA
        accounts.open_wallets(session, [("studio", "ada")])
        assert accounts.balance(session, "studio", "available", "ada") == 5
    assert count(database, "account") == 4


def test_many_open_one_account_at_once(database: Database) -> None:
    """Sessions that open the same account at the same time all get the same one."""
    found: list[int] = []
    barrier = threading.Barrier(8)

    def open_it() -> None:
        barrier.wait()
        with database.transaction() as session:
            found.append(accounts.open_account(session, "studio", "available", "ada"))

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [ADA] * 8
    assert count(database, "account") == 1


def test_a_number_that_is_taken_is_refused(database: Database) -> None:
    """If another account already has the number, opening is refused instead of mixing two creators' money."""
    with database.transaction() as session:
        session.connection().execute(
            text("INSERT INTO account VALUES (:id, 'studio', 'available', 'eve', 0)"), {"id": ADA}
        )
        with pytest.raises(AccountCollision, match="studio:available:ada can't be opened"):
            accounts.open_account(session, "studio", "available", "ada")


def test_opens_wallets_in_one_go(database: Database) -> None:
    """Three accounts for each pair, once, however often a pair is named; none at all when one pair is unfit."""
    pairs = [("studio", "ada"), ("studio", "bo"), ("assisters", "ada"), ("studio", "ada")]
    with database.transaction() as session:
        accounts.open_wallets(session, iter(pairs))
        accounts.open_wallets(session, pairs[:2])
        accounts.open_wallets(session, [])
        assert set(accounts.wallets(session, "ada")) == {"studio", "assisters"}
        assert accounts.wallets(session, "bo") == {"studio": Wallet(0, 0, 0)}
    assert count(database, "account") == 9
    with database.transaction() as session, pytest.raises(BadAccountName):
        accounts.open_wallets(session, [("studio", "cy"), ("studio", "d\ny")])
    assert count(database, "account") == 9


def test_opens_more_wallets_than_fit_a_batch(database: Database) -> None:
    """Batches join without a gap."""
    with database.transaction() as session:
        accounts.open_wallets(session, ((("studio", f"c{number}")) for number in range(3_400)))
    assert count(database, "account") == 10_200


def test_reads_balances(database: Database) -> None:
    """Balances are credits minus debits; what was never opened is zero; programs come sorted."""
    with database.transaction() as session:
        accounts.open_wallets(session, [("studio", "ada"), ("assisters", "ada")])
        usage = accounts.open_account(session, "studio", "usage")
        ids = [account_id("studio", role, "ada") for role in accounts.WALLET_ROLES]
        post(
            session, "k", "settlement", NOW, [Move(usage, ids[0], 1), Move(usage, ids[1], 20), Move(usage, ids[2], 300)]
        )
        post(session, "l", "settlement", NOW, [Move(usage, account_id("assisters", "pending", "ada"), 4)])
    with database.reading() as session:
        assert accounts.balance(session, "studio", "usage") == -325
        assert accounts.balance(session, "studio", "margin") == 0
        assert accounts.wallet(session, "studio", "ada") == Wallet(pending=1, available=20, reserved=300)
        assert accounts.wallet(session, "studio", "nobody") == Wallet(0, 0, 0)
        found = accounts.wallets(session, "ada")
        assert list(found.items()) == [("assisters", Wallet(pending=4)), ("studio", Wallet(1, 20, 300))]
        assert accounts.wallets(session, "") == {}
