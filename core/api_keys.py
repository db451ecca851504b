"""Keys for the HTTP API: shown once, stored hashed, recognised by their first characters (interfaces.md, "HTTP")."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass

from sqlalchemy import Index, String, text
from sqlmodel import Field, Session, col, select

from core import audit
from core.errors import DeskError
from core.storage import Base, BigId, UTCDateTime, key_type

DEFAULT_SOURCE = "platform"
_LONGEST_KEY = 200


class ApiKey(Base, table=True):
    """A caller of `/v1`. Only the SHA-256 of the key is kept; it is random, so that no slow hash is needed.

    source: what this caller's usage events are filed under. A revoked key's row stays as history and frees its name.
    """

    __tablename__ = "api_key"
    __table_args__ = (
        Index(
            "uq_api_key_active_name",
            "name",
            unique=True,
            sqlite_where=text("revoked_at IS NULL"),
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str = Field(sa_type=key_type(100))
    prefix: str = Field(sa_type=String(20))
    key_hash: str = Field(sa_type=key_type(64), unique=True)
    source: str = Field(default=DEFAULT_SOURCE, sa_type=key_type(64))
    created_at: dt.datetime = Field(sa_type=UTCDateTime)
    revoked_at: dt.datetime | None = Field(default=None, sa_type=UTCDateTime)


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What may be shown of a key. prefix is its first characters, by which its holder recognises it."""

    name: str
    prefix: str
    source: str
    created_at: dt.datetime
    revoked_at: dt.datetime | None


class KeyNameTaken(DeskError):
    """There is already a key named '{name}'. Revoke it first, or choose another name."""


class NoSuchKey(DeskError):
    """There is no active key named '{name}'."""


class BadKeyName(DeskError):
    """A key's {what} is 1 to {longest} printable characters; '{value}' is not."""


def create(session: Session, now: dt.datetime, name: str, source: str = DEFAULT_SOURCE, actor: str = "operator") -> str:
    """Make a key and return it; it can't be read again. Raises KeyNameTaken, BadKeyName."""
    _check_label("name", name, 100)
    _check_label("source", source, 64)
    if _active(session, name) is not None:
        raise KeyNameTaken(name=name)
    prefix = f"ed_{secrets.token_hex(4)}"
    key = f"{prefix}_{secrets.token_urlsafe(32)}"
    session.add(ApiKey(name=name, prefix=prefix, key_hash=_hash(key), source=source, created_at=now))
    session.flush()
    audit.record(session, now, actor, "api-key.create", name, f"{prefix}…, source {source}")
    return key


def revoke(session: Session, now: dt.datetime, name: str, actor: str = "operator") -> KeyInfo:
    """Have the key refused from now on. Raises NoSuchKey."""
    key = _active(session, name)
    if key is None:
        raise NoSuchKey(name=name)
    key.revoked_at = now
    session.add(key)
    session.flush()
    audit.record(session, now, actor, "api-key.revoke", name, f"{key.prefix}…")
    return _info(key)


def list_keys(session: Session) -> list[KeyInfo]:
    """Every key there was, active ones first, then by name and age."""
    order = (col(ApiKey.revoked_at).is_not(None), col(ApiKey.name), col(ApiKey.id))
    return [_info(key) for key in session.exec(select(ApiKey).order_by(*order)).all()]


def check(session: Session, presented: str) -> KeyInfo | None:
    """The active key that was presented, or None.

    Looked up by its hash, so that the time it takes tells nothing about the keys that exist; the hashes are then
    compared in constant time.
    """
    if not presented or len(presented) > _LONGEST_KEY or not presented.isascii():
        return None
    digest = _hash(presented)
    key = session.exec(select(ApiKey).where(ApiKey.key_hash == digest)).first()
    if key is None or key.revoked_at is not None or not hmac.compare_digest(key.key_hash, digest):
        return None
    return _info(key)


def _info(key: ApiKey) -> KeyInfo:
    return KeyInfo(key.name, key.prefix, key.source, key.created_at, key.revoked_at)


def _active(session: Session, name: str) -> ApiKey | None:
    return session.exec(select(ApiKey).where(ApiKey.name == name, col(ApiKey.revoked_at).is_(None))).first()


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _check_label(what: str, value: str, longest: int) -> None:
    # "C" categories are control characters, surrogates and the like: they would garble lists and logs.
    printable = all(not unicodedata.category(character).startswith("C") for character in value)
    if not value.strip() or len(value) > longest or not printable:
        shown = "".join(c if not unicodedata.category(c).startswith("C") else "?" for c in value[:60])
        raise BadKeyName(what=what, longest=longest, value=shown)
