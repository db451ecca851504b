"""The whole desk, on either kind of database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.storage import Database
from tests.desk_world import World


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    """A desk with Ada and Bo, two approvers, two admins and an owner; runs once per kind of database."""
    world = World(database)
    yield world
    world.close()


@pytest.fixture
def small(sqlite_database: Database) -> Iterator[World]:
    """The same on SQLite, where the kind of database does not matter."""
    world = World(sqlite_database)
    yield world
    world.close()
