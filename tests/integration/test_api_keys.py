"""Keys of the HTTP API: shown once, stored hashed, revocable."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import text

from core import api_keys
from core.storage import Database

NOW = dt.datetime(2026, 1, 14, 9, tzinfo=dt.UTC)


def test_a_created_key_is_recognised_and_only_its_hash_is_stored(database: Database) -> None:
    """The key opens the door; nothing in the table would."""
    with database.transaction() as session:
        key = api_keys.create(session, NOW, "platform backend", source="shop")
    with database.reading() as session:
        found = api_keys.check(session, key)
        assert found is not None
        assert (found.name, found.source) == ("platform backend", "shop")
        assert key.startswith(found.prefix + "_")
        stored = session.connection().execute(text("SELECT * FROM api_key")).one()
    assert key not in str(stored)
    with database.reading() as session:
        assert api_keys.check(session, stored.key_hash) is None
        assert api_keys.check(session, found.prefix) is None


def test_a_revoked_key_is_refused_and_its_name_is_free_again(database: Database) -> None:
    """Revoking works at once, keeps the row, and lets the name be used for the next key."""
    with database.transaction() as session:
        old = api_keys.create(session, NOW, "backend")
        api_keys.revoke(session, NOW, "backend")
        new = api_keys.create(session, NOW, "backend")
    with database.reading() as session:
        assert api_keys.check(session, old) is None
        assert api_keys.check(session, new) is not None
        assert [key.revoked_at is None for key in api_keys.list_keys(session)] == [True, False]
        trail = session.connection().execute(text("SELECT action FROM audit_record ORDER BY id")).scalars().all()
    assert trail == ["api-key.create", "api-key.revoke", "api-key.create"]


def test_a_name_in_use_is_refused(sqlite_database: Database) -> None:
    """Two active keys never share a name, or revoking one would be a guess."""
    with sqlite_database.transaction() as session:
        api_keys.create(session, NOW, "backend")
        with pytest.raises(api_keys.KeyNameTaken, match="already a key named 'backend'"):
            api_keys.create(session, NOW, "backend")


def test_revoking_an_unknown_key_says_so(sqlite_database: Database) -> None:
    """A typo in `api-key revoke` is noticed."""
    with sqlite_database.transaction() as session, pytest.raises(api_keys.NoSuchKey, match="'bakend'"):
        api_keys.revoke(session, NOW, "bakend")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 101, "\u202eevil", "a\x00b"])
def test_unprintable_or_endless_names_are_refused(sqlite_database: Database, name: str) -> None:
    """A key's name can't break the list it is shown in."""
    with sqlite_database.transaction() as session, pytest.raises(api_keys.BadKeyName):
        api_keys.create(session, NOW, name)


@pytest.mark.parametrize("presented", ["", "x", "ключ", "\udcff", "k" * 100_000])
def test_hostile_keys_are_just_wrong(sqlite_database: Database, presented: str) -> None:
    """Whatever is presented as a key, the answer is no, not a fault."""
    with sqlite_database.reading() as session:
        assert api_keys.check(session, presented) is None
