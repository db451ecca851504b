"""Persons, roles, chat identities and linking codes, on both databases (domain.md, "Chat identities" and "Roles")."""

from __future__ import annotations

import hashlib

import pytest

from core import people
from core.earnings.tables import Creator
from core.people import Actor
from core.storage import Database
from tests.conftest import count
from tests.people_world import NOW, Desk


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
