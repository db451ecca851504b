"""Persons, roles, chat identities and linking codes, on both databases (domain.md, "Chat identities" and "Roles")."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Barrier, Thread

import pytest
from sqlmodel import Session, select

from core import people
from core.audit import AuditRecord
from core.earnings.tables import Creator
from core.people import Actor, ChatIdentity, Identity, LinkCode, LinkFailure, LinkOutcome, Person
from core.storage import Database
from tests.conftest import count

NOW = dt.datetime(2026, 1, 14, 9, 14, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
TICK = dt.timedelta(microseconds=1)
SLACK = Identity("slack", "U1", "T1")
DISCORD = Identity("discord", "42")


class Desk:
    """A database with two creators, and what was published."""

    def __init__(self, database: Database) -> None:
        self.facts: list[object] = []
        self.database = Database(database.engine, lambda _session, fact: self.facts.append(fact))
        with self.session() as session:
            session.add(Creator(creator_id="ada", name="Ada", country="US"))
            session.add(Creator(creator_id="bo", name="Bo", country="DE"))

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.database.transaction() as session:
            yield session

    def resolve(self, who: str) -> Actor:
        with self.session() as session:
            return people.resolve(session, who)

    def add(self, name: str, creator_id: str | None = None, *roles: str) -> Person:
        with self.session() as session:
            return people.add_person(session, NOW, name, creator_id, roles)

    def code(self, who: str = "ada", now: dt.datetime = NOW) -> str:
        actor = self.resolve(who)
        with self.session() as session:
            return people.create_link_code(session, now, actor.person_id)[0]

    def link(self, identity: Identity, code: str, now: dt.datetime = NOW) -> LinkOutcome:
        with self.session() as session:
            return people.link(session, now, identity, code)

    def speaks(self, identity: Identity) -> Actor | None:
        with self.database.reading() as session:
            return people.actor_of(session, identity)

    def trail(self) -> list[tuple[str, str, str, str]]:
        with self.database.reading() as session:
            lines = session.exec(select(AuditRecord).order_by("id")).all()
        return [(line.actor, line.action, line.subject, line.detail) for line in lines]


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


@pytest.fixture
def small(sqlite_database: Database) -> Desk:
    """For rules in which the kind of database has no part."""
    return Desk(sqlite_database)


def test_a_creator_becomes_a_person_on_first_use(desk: Desk) -> None:
    """A creator id resolves to a person, made once, with the creator's name and no roles."""
    ada = desk.resolve("ada")
    assert (ada.name, ada.creator_id, ada.roles) == ("Ada", "ada", frozenset())
    assert desk.resolve("ada") == ada
    assert desk.resolve("Ada") == ada
    with desk.database.reading() as session:
        assert people.actor(session, ada.person_id) == ada
        assert people.person_of_creator(session, "ada") == ada.person_id
        assert people.person_of_creator(session, "bo") is None
    assert count(desk.database, "person") == 1


def test_nobody_of_that_name(small: Desk) -> None:
    """Who is neither a creator id nor a name is refused, whatever was typed."""
    for who in ("ghost", "ADA", "", "\0", "\ud800", "x" * 1000):
        with pytest.raises(people.UnknownPerson) as refusal:
            small.resolve(who)
        assert "no creator has that id and no person that name. Nothing changed." in refusal.value.text
    with pytest.raises(people.UnknownPerson, match="Nobody here is called '99'"), small.session() as session:
        people.actor(session, 99)


def test_namesakes(desk: Desk) -> None:
    """Names are unique: a creator called like somebody known carries the id behind the name, a long one is cut."""
    desk.add("Ada")
    assert desk.resolve("ada").name == "Ada (ada)"
    desk.add("Bo (bo)")
    desk.add("Bo")
    assert desk.resolve("bo").name == f"Bo #{hashlib.sha256(b'bo').hexdigest()}"
    with desk.session() as session:
        for creator_id, name in (("long", "x" * 200), ("longer", "y" * 201), ("op", "Operator"), ("nameless", "")):
            session.add(Creator(creator_id=creator_id, name=name[:200], country="US"))
            session.flush()
            people.ensure_creator_person(session, creator_id, name)
    assert desk.resolve("long").name == "x" * 200
    assert desk.resolve("longer").name == f"{'y' * 90} (longer)"
    assert desk.resolve("op").name == "Operator (op)"
    assert desk.resolve("nameless").name == " (nameless)"


def test_no_name_left(small: Desk) -> None:
    """When every way to call a creator is taken, that is refused, not endless."""
    small.add("Ada")
    small.add("Ada (ada)")
    small.add(f"Ada #{hashlib.sha256(b'ada').hexdigest()}")
    with pytest.raises(people.NameTaken):
        small.resolve("ada")


def test_adding_people(desk: Desk) -> None:
    """A person is added with roles, once per name; blanks around the name don't count."""
    mira = desk.add(" Mira ", None, "approver", "admin", "approver")
    assert (mira.name, mira.creator_id) == ("Mira", None)
    assert desk.resolve("Mira").roles == {"approver", "admin"}
    with pytest.raises(people.NameTaken) as refusal:
        desk.add("Mira", None, "owner")
    assert refusal.value.text == ("There is a person called 'Mira' already. Nothing changed. Choose another name.")
    assert desk.resolve("Mira").roles == {"approver", "admin"}
    assert desk.trail() == [
        ("operator", "person.add", "Mira", ""),
        ("operator", "role.add", "Mira", "admin"),
        ("operator", "role.add", "Mira", "approver"),
    ]


def test_adding_a_creators_person(desk: Desk) -> None:
    """A creator's person may be named and given roles, before or after the creator first asked for something."""
    first = desk.add("Ada L.", "ada", "admin")
    assert (first.name, first.creator_id) == ("Ada L.", "ada")
    assert desk.resolve("ada") == Actor(first.id or 0, "Ada L.", "ada", frozenset({"admin"}))
    bo = desk.resolve("bo")
    again = desk.add("Bob", "bo", "owner")
    assert again.id == bo.person_id
    assert desk.resolve("bo") == Actor(bo.person_id, "Bob", "bo", frozenset({"owner"}))
    assert ("operator", "person.rename", "Bob", "Bo → Bob, creator bo") in desk.trail()
    desk.add("Bob", "bo")
    assert ("operator", "person.add", "Bob", "creator bo") in desk.trail()
    with pytest.raises(people.NameTaken):
        desk.add("Ada L.", "bo")
    with pytest.raises(people.UnknownPerson):
        desk.add("Ghost", "ghost")
    assert desk.resolve("bo").name == "Bob"


def test_bad_people(small: Desk) -> None:
    """No name, one too long, one that holds control characters, the operator's own, or an unknown role: refused."""
    for name in ("", "  ", "x" * 201, "operator", "Operator", "a\0b", "a\nb", "a\ud800"):
        with pytest.raises(people.BadName) as refusal:
            small.add(name)
        assert refusal.value.text == (
            "A person's name is one line of 1 to 200 characters and not 'operator'. Nothing changed."
        )
    with pytest.raises(people.UnknownRole) as unknown:
        small.add("Mira", None, "boss")
    assert unknown.value.text == "There is no role 'boss'. Roles are approver, admin and owner. Nothing changed."
    assert count(small.database, "person") == 0
    assert small.add("x" * 200).name == "x" * 200


def test_roles_change(desk: Desk) -> None:
    """Roles are set; every change is audited with who made it, what stays as it was isn't."""
    mira = desk.add("Mira", None, "approver").id or 0
    with desk.session() as session:
        assert people.set_roles(session, NOW, mira, ["approver"], "Olga").roles == {"approver"}
        assert people.set_roles(session, NOW, mira, ["admin", "owner"], "Olga").roles == {"admin", "owner"}
        assert people.set_roles(session, NOW, mira, ["admin", "approver"], "Olga").roles == {"admin", "approver"}
        with pytest.raises(people.UnknownRole):
            people.set_roles(session, NOW, mira, ["boss"])
        with pytest.raises(people.UnknownPerson):
            people.set_roles(session, NOW, 99, ["owner"])
        assert people.set_roles(session, NOW, mira, []).roles == frozenset()
    assert desk.trail()[2:] == [
        ("Olga", "role.remove", "Mira", "approver"),
        ("Olga", "role.add", "Mira", "admin"),
        ("Olga", "role.add", "Mira", "owner"),
        ("Olga", "role.remove", "Mira", "owner"),
        ("Olga", "role.add", "Mira", "approver"),
        ("operator", "role.remove", "Mira", "admin"),
        ("operator", "role.remove", "Mira", "approver"),
    ]


def test_listing(desk: Desk) -> None:
    """Everyone by name with their roles; who may act in a role includes the owners."""
    tom, olga, ann = (
        desk.add(*who).id for who in (("Tom", None, "approver"), ("Olga", None, "owner"), ("Ann", None, "admin"))
    )
    ada = desk.resolve("ada")
    with desk.database.reading() as session:
        assert people.list_people(session) == [
            ada,
            Actor(ann or 0, "Ann", None, frozenset({"admin"})),
            Actor(olga or 0, "Olga", None, frozenset({"owner"})),
            Actor(tom or 0, "Tom", None, frozenset({"approver"})),
        ]
        assert people.with_role(session, "approver") == [tom, olga]
        assert people.with_role(session, "admin") == [olga, ann]
        assert people.with_role(session, "owner") == [olga]


@pytest.mark.parametrize(
    ("held", "may"),
    [({"approver"}, {"approver"}), ({"admin"}, {"admin"}), ({"owner"}, {"owner", "admin", "approver"}), (set(), set())],
)
def test_may(held: set[str], may: set[str]) -> None:
    """An owner may everything, others only what they hold."""
    actor = Actor(1, "Pat", None, frozenset(held))
    assert {role for role in people.ROLES if actor.may(role)} == may


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
