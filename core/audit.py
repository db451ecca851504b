"""The audit trail: who did what to what, and why. Written in the transaction of the deed."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import String, Text
from sqlmodel import Field, Session

from core.storage import Base, BigId, UTCDateTime, append_only, key_type


class AuditRecord(Base, table=True):
    """actor is a person's name, "operator" (the command line) or an API key's name."""

    __tablename__ = "audit_record"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    at: dt.datetime = Field(sa_type=UTCDateTime)
    actor: str = Field(sa_type=String(200))
    action: str = Field(sa_type=key_type(60))
    subject: str = Field(sa_type=String(300))
    detail: str = Field(default="", sa_type=Text)


append_only(AuditRecord)


def record(session: Session, at: dt.datetime, actor: str, action: str, subject: str, detail: str = "") -> None:
    """Write one line of the trail."""
    session.add(AuditRecord(at=at, actor=actor, action=action, subject=subject, detail=detail))
