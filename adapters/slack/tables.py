"""The tables behind many workspaces: slack_sdk's own, wider where encrypted tokens go, and the rotation's lease.

They are made by the migrations (0007), which spell them out; a test compares the two.
"""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from slack_sdk.oauth.installation_store.sqlalchemy import SQLAlchemyInstallationStore
from slack_sdk.oauth.state_store.sqlalchemy import SQLAlchemyOAuthStateStore
from sqlalchemy import MetaData, Table, Text
from sqlmodel import Field

from core.storage import Base, UTCDateTime, key_type

TOKENS = ("bot_token", "bot_refresh_token", "user_token", "user_refresh_token")
"""Columns that hold secrets. Encrypted, they outgrow the SDK's 200 characters, which PostgreSQL enforces."""


def widen(table: Table) -> Table:
    """The table with room for encrypted tokens."""
    for name in TOKENS:
        if name in table.c:
            table.c[name].type = Text()
    return table


_metadata: MetaData = Base.metadata
BOTS = widen(SQLAlchemyInstallationStore.build_bots_table(_metadata, "slack_bots"))
INSTALLATIONS = widen(SQLAlchemyInstallationStore.build_installations_table(_metadata, "slack_installations"))
STATES = SQLAlchemyOAuthStateStore.build_oauth_states_table(_metadata, "slack_oauth_states")


class SlackRotation(Base, table=True):
    """Which process refreshes a workspace's token now, until when; a row without a holder is free."""

    __tablename__: ClassVar[str] = "slack_rotation"

    team_id: str = Field(primary_key=True, sa_type=key_type(32))
    holder: str = Field(max_length=100)
    until: dt.datetime = Field(sa_type=UTCDateTime)
