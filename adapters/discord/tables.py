"""What the Discord adapter remembers. The table is made by the migrations (0008), which spell it out."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Field

from core.storage import Base, UTCDateTime, key_type


class DiscordState(Base, table=True):
    """Which commands Discord was last given for an application: `commands.digest` of their payload, and when."""

    __tablename__ = "discord_state"

    application_id: str = Field(primary_key=True, sa_type=key_type(32))
    commands: str = Field(sa_type=key_type(64))
    synced_at: dt.datetime = Field(sa_type=UTCDateTime)
