"""Accounts and people: codes, linking and unlinking, wrong codes, and several at once."""

from __future__ import annotations

import datetime as dt
import hashlib
from threading import Barrier, Thread

import pytest
from sqlmodel import select

from core import people
from core.people import ChatIdentity, Identity, LinkCode, LinkFailure, LinkOutcome
from core.storage import Database
from tests.conftest import count
from tests.people_world import NOW, Desk

MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
TICK = dt.timedelta(microseconds=1)
SLACK = Identity("slack", "U1", "T1")
DISCORD = Identity("discord", "42")


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


@pytest.fixture
def small(sqlite_database: Database) -> Desk:
    """For rules in which the kind of database has no part."""
    return Desk(sqlite_database)


def test_codes(desk: Desk) -> None:
    """A code is long, unambiguous and unlike any other; only its hash is stored; it expires in 10 minutes."""
    ada = desk.resolve("ada")
    with desk.session() as session:
        code, expires_at = people.create_link_code(session, NOW, ada.person_id, "api-key shop")
        other, _ = people.create_link_code(session, NOW, ada.person_id)
    assert len(code) == 10
    assert set(code) <= set("23456789ABCDEFGHJKLMNPQRSTUVWXYZ")
    assert code != other
    assert expires_at == NOW + 10 * MINUTE
    with desk.session() as session:
        stored = session.get_one(LinkCode, hashlib.sha256(code.encode()).hexdigest())
        assert (stored.person_id, stored.expires_at, stored.used_at) == (ada.person_id, expires_at, None)
    assert desk.trail() == [("api-key shop", "link.code", "Ada", ""), ("operator", "link.code", "Ada", "")]
    with pytest.raises(people.UnknownPerson), desk.session() as session:
        people.create_link_code(session, NOW, 99)


def test_old_codes_are_forgotten(small: Desk) -> None:
    """A day after they expired, codes are swept away when a new one is made."""
    small.code()
    small.code(now=NOW + 24 * HOUR + 10 * MINUTE)
    assert count(small.database, "link_code") == 2
    small.code(now=NOW + 24 * HOUR + 10 * MINUTE + TICK)
    assert count(small.database, "link_code") == 2


def test_linking(desk: Desk) -> None:
    """A right code makes a chat account speak for its person; the fact names it, audit too."""
    code = desk.code()
    outcome = desk.link(SLACK, code)
    ada = desk.resolve("ada")
    assert outcome == LinkOutcome("linked", "Linked. You are Ada here now.", ada, first=True)
    assert outcome.ok
    assert desk.speaks(SLACK) == ada
    assert desk.speaks(Identity("slack", "U1", "T2")) is None
    assert desk.speaks(Identity("slack", "U2", "T1")) is None
    assert desk.speaks(Identity("discord", "U1", "T1")) is None
    assert desk.facts == [people.PersonLinked(ada.person_id, SLACK, (), NOW)]
    assert desk.trail()[-1] == ("Ada", "link", "Ada", "slack:T1:U1")


def test_codes_as_people_type_them(small: Desk) -> None:
    """Small letters, blanks and dashes don't matter."""
    code = small.code()
    assert small.link(SLACK, f" {code[:5].lower()}-{code[5:]} ").status == "linked"


def test_a_further_identity(desk: Desk) -> None:
    """Every earlier identity is told of a further one, newest first; the wait counts from the newest further one."""
    ada = desk.resolve("ada").person_id
    desk.link(SLACK, desk.code())
    with desk.session() as session:
        assert people.last_further_link_at(session, ada) is None
    later = NOW + HOUR
    outcome = desk.link(DISCORD, desk.code(now=later), later)
    assert (outcome.first, outcome.earlier) == (False, (SLACK,))
    assert desk.facts[-1] == people.PersonLinked(ada, DISCORD, (SLACK,), later)
    third = Identity("playground", "ada", "demo")
    assert desk.link(third, desk.code(now=later), later + MINUTE).earlier == (DISCORD, SLACK)
    with desk.database.reading() as session:
        assert people.last_further_link_at(session, ada) == later + MINUTE
        assert [one.platform for one in people.identities(session, ada)] == ["playground", "discord", "slack"]


def test_unlinking(desk: Desk) -> None:
    """An unlinked account speaks for nobody; its history stays, and linking it again is a further link."""
    ada = desk.resolve("ada")
    desk.link(SLACK, desk.code())
    with desk.session() as session:
        assert people.unlink(session, NOW + MINUTE, SLACK) == ada
    assert desk.speaks(SLACK) is None
    assert desk.trail()[-1] == ("Ada", "unlink", "Ada", "slack:T1:U1")
    with desk.database.reading() as session:
        assert people.identities(session, ada.person_id) == []
        (kept,) = session.exec(select(ChatIdentity)).all()
        assert (kept.linked_at, kept.unlinked_at) == (NOW, NOW + MINUTE)
    with pytest.raises(people.NotLinked) as refusal, desk.session() as session:
        people.unlink(session, NOW, SLACK)
    assert refusal.value.text == "Not linked yet. Get a code on your account page, then type /link CODE."
    again = desk.link(SLACK, desk.code(), NOW + 2 * MINUTE)
    assert (again.status, again.first, again.earlier) == ("linked", False, ())
    with desk.database.reading() as session:
        assert people.last_further_link_at(session, ada.person_id) == NOW + 2 * MINUTE


def test_unlinking_is_a_fact(desk: Desk) -> None:
    """Whoever shows something to an account hears that it speaks for nobody any more."""
    ada = desk.resolve("ada").person_id
    desk.link(SLACK, desk.code())
    with desk.session() as session:
        people.unlink(session, NOW + MINUTE, SLACK)
    assert desk.facts[-1] == people.PersonUnlinked(ada, SLACK, False, NOW + MINUTE)


def test_a_deactivated_account(desk: Desk) -> None:
    """An account that the platform took away speaks for nobody; that is on record, and said twice it happens once."""
    ada = desk.resolve("ada")
    desk.link(SLACK, desk.code())
    desk.link(SLACK, "WRONG-CODE")
    with desk.session() as session:
        assert people.deactivate(session, NOW + MINUTE, SLACK) == ada
    assert desk.speaks(SLACK) is None
    assert desk.trail()[-1] == ("operator", "unlink.deactivated", "Ada", "slack:T1:U1")
    assert desk.facts[-1] == people.PersonUnlinked(ada.person_id, SLACK, True, NOW + MINUTE)
    before = len(desk.facts)
    with desk.session() as session:
        assert people.deactivate(session, NOW + MINUTE, SLACK) is None
        assert people.deactivate(session, NOW + MINUTE, DISCORD) is None
        assert session.exec(select(LinkFailure)).one().wrong == 1, "wrong codes stay counted"
    assert len(desk.facts) == before


def test_accounts_of_a_workspace(desk: Desk) -> None:
    """Those that speak for somebody there now, whoever it is."""
    same_elsewhere = Identity("slack", "U1", "T2")
    second = Identity("slack", "U0", "T1")
    for identity in (SLACK, same_elsewhere, DISCORD):
        desk.link(identity, desk.code())
    desk.link(second, desk.code("bo"))
    with desk.session() as session:
        assert people.identities_of(session, "slack", "T1") == [second, SLACK]
        assert people.identities_of(session, "discord", "") == [DISCORD]
        people.unlink(session, NOW, SLACK)
        assert people.identities_of(session, "slack", "T1") == [second]
        assert people.identities_of(session, "slack", "T9") == []


def test_the_wait_outlives_unlinking(small: Desk) -> None:
    """Unlinking a further account at once does not shorten the wait it started."""
    ada = small.resolve("ada").person_id
    small.link(SLACK, small.code())
    small.link(DISCORD, small.code(), NOW + MINUTE)
    with small.session() as session:
        people.unlink(session, NOW + 2 * MINUTE, DISCORD)
        assert people.last_further_link_at(session, ada) == NOW + MINUTE


def test_linked_before(desk: Desk) -> None:
    """Linking one's own account again changes nothing; the code is used up all the same."""
    desk.link(SLACK, desk.code())
    code = desk.code()
    outcome = desk.link(SLACK, code)
    assert (outcome.status, outcome.ok) == ("already", True)
    assert outcome.text == "This chat account was linked to Ada before. Nothing changed."
    assert outcome.actor == desk.resolve("ada")
    assert count(desk.database, "chat_identity") == 1
    assert len(desk.facts) == 1
    assert desk.link(DISCORD, code).status == "used"


def test_somebody_elses_account(desk: Desk) -> None:
    """An account that speaks for someone else is not taken over; the code stays good."""
    desk.link(SLACK, desk.code())
    code = desk.code("bo")
    outcome = desk.link(SLACK, code)
    assert (outcome.status, outcome.ok, outcome.actor) == ("taken", False, None)
    assert outcome.text == "Nothing changed. This chat account speaks for someone else; /unlink it first."
    assert desk.speaks(SLACK) == desk.resolve("ada")
    assert desk.link(DISCORD, code).status == "linked"


def test_the_command_line_is_no_identity(small: Desk) -> None:
    """The command line can't be linked, nor does it count wrong codes."""
    outcome = small.link(Identity("cli", "root"), small.code())
    assert (outcome.status, outcome.ok) == ("no_chat", False)
    assert outcome.text == "Nothing changed. The command line is no chat account; type /link CODE in chat."
    assert count(small.database, "link_failure") == 0


def test_codes_work_once_and_for_ten_minutes(desk: Desk) -> None:
    """A used code and an expired one are refused, each with its reason."""
    code = desk.code()
    assert desk.link(SLACK, code).ok
    outcome = desk.link(DISCORD, code)
    assert outcome.status == "used"
    assert outcome.text == (
        "Nothing changed. That code was used already; each works once. "
        "Get a new one on your account page; 4 tries left this hour."
    )
    late = desk.code()
    assert desk.link(DISCORD, late, NOW + 10 * MINUTE).text == (
        "Nothing changed. That code has expired; codes are valid for 10 minutes. "
        "Get a new one on your account page; 3 tries left this hour."
    )
    assert desk.link(DISCORD, late, NOW + 10 * MINUTE - TICK).status == "linked"


def test_five_wrong_codes_lock(desk: Desk) -> None:
    """After five wrong codes a chat user is locked out for an hour, right codes included; others are not."""
    texts = [desk.link(SLACK, "WRONG", NOW).text for _ in range(5)]
    wrong = "Nothing changed. That code is wrong. Get a new one on your account page; {} left this hour."
    locked = "Nothing changed. 5 wrong codes: no code is taken from you until 10:14 UTC."
    assert texts == [wrong.format(left) for left in ("4 tries", "3 tries", "2 tries", "1 try")] + [locked]
    assert desk.trail()[-1] == ("slack:T1:U1", "link.locked", "slack:T1:U1", "5 wrong codes")
    code = desk.code(now=NOW + 55 * MINUTE)
    outcome = desk.link(SLACK, code, NOW + HOUR - TICK)
    assert (outcome.status, outcome.text, outcome.locked_until) == ("locked", locked, NOW + HOUR)
    assert desk.link(Identity("slack", "U1", "T2"), desk.code("bo")).ok
    assert desk.link(SLACK, "WRONG", NOW + HOUR).text == wrong.format("4 tries")
    assert desk.link(SLACK, code, NOW + HOUR).ok


def test_a_right_code_clears_the_count(small: Desk) -> None:
    """Linking starts the count of wrong codes anew."""
    for _ in range(4):
        small.link(SLACK, "WRONG")
    assert small.link(SLACK, small.code()).ok
    with small.session() as session:
        assert session.get_one(LinkFailure, ("slack", "T1", "U1")).wrong == 0


def test_hostile_codes(small: Desk) -> None:
    """Whatever is typed as a code counts as a wrong one and does nothing else."""
    for number, code in enumerate(("", "\0", "\ud800", "x" * 10_000, "'; DROP TABLE person")):
        assert small.link(Identity("slack", f"U{number}", "T1"), code).status == "wrong"


def together(*work: object) -> list[LinkOutcome | BaseException]:
    """Run callables at the same moment; what each gave or raised."""
    barrier = Barrier(len(work))
    found: list[LinkOutcome | BaseException] = []

    def run(one: object) -> None:
        barrier.wait()
        try:
            found.append(one())  # type: ignore[operator]
        except Exception as failure:  # looked at by the test
            found.append(failure)

    threads = [Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def statuses(found: list[LinkOutcome | BaseException]) -> list[str]:
    return sorted(one.status if isinstance(one, LinkOutcome) else repr(one) for one in found)


def test_guessing_at_once(desk: Desk) -> None:
    """Twenty guesses by one chat user at the same moment are counted one by one: four wrong, then locked."""
    code = desk.code()
    found = together(*[lambda: desk.link(SLACK, "WRONG") for _ in range(20)])
    assert statuses(found) == ["locked"] * 16 + ["wrong"] * 4
    assert desk.link(SLACK, code).status == "locked"


def test_one_code_at_once(desk: Desk) -> None:
    """One code typed by ten chat users at the same moment links exactly one of them."""
    code = desk.code()
    found = together(
        *[lambda number=number: desk.link(Identity("slack", f"U{number}", "T1"), code) for number in range(10)]
    )
    assert statuses(found) == ["linked"] + ["used"] * 9
    assert count(desk.database, "chat_identity") == 1


def test_one_account_at_once(desk: Desk) -> None:
    """Two people's codes typed by one chat account at the same moment: it speaks for one of them."""
    codes = [desk.code("ada"), desk.code("bo")]
    found = together(*[lambda code=code: desk.link(SLACK, code) for code in codes])
    assert statuses(found) == ["linked", "taken"]


def test_one_person_at_once(desk: Desk) -> None:
    """A creator asked for by ten at the same moment becomes one person."""
    found = together(*[lambda: desk.resolve("ada") for _ in range(10)])
    assert len({repr(one) for one in found}) == 1
    assert count(desk.database, "person") == 1
