"""API keys: shown once, stored as a hash of 192 random bits, found by their first letters."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert, select, update

from linkwatch.store.errors import StoreError
from linkwatch.store.tables import keys

TOKEN_PREFIX = "lw_"
LOOKUP_LENGTH = 8
_LETTERS, _LENGTH = string.ascii_letters + string.digits, 33


class Role(StrEnum):
    """What a key may do; see the API's table of roles."""

    VIEWER = "viewer"
    PARTNER = "partner"
    OPERATOR = "operator"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key; the key itself is not. `prefix` names it."""

    prefix: str
    name: str
    role: Role
    organization: str | None
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    last_used_at: float | None = None

    def usable(self, now: float) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


_KEY = tuple(keys.c[field.name] for field in fields(Key))


def new_token() -> str:
    """A fresh key. A plain hash protects it: 196 random bits cannot be guessed from a dictionary. Letters and
    digits alone: one that began with a dash would be taken for an option where it is named."""
    return TOKEN_PREFIX + "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


def new_key(
    token: str, *, name: str, role: Role, organization: str | None, now: float, expires_at: float | None
) -> Key:
    """What to keep of a token. Raises StoreError for a partner without an organization."""
    if role is Role.PARTNER and not organization:
        raise StoreError("a partner key needs the organization whose targets it may see")
    return Key(_prefix(token), name, role, organization, now, expires_at)


def add(connection: Connection, token: str, key: Key) -> None:
    """Store a key."""
    row = {field.name: getattr(key, field.name) for field in fields(Key)}
    connection.execute(insert(keys).values({**row, "role": key.role.value, "hash": _hash(token)}))


def find(connection: Connection, token: str, now: float) -> Key | None:
    """The usable key that `token` is, or None."""
    if not (token.isascii() and token.isprintable()):
        return None
    row = connection.execute(select(keys.c.hash, *_KEY).where(keys.c.prefix == _prefix(token))).first()
    if row is None or not hmac.compare_digest(row.hash, _hash(token)):
        return None
    key = _from_row(row)
    return key if key.usable(now) else None


def all_keys(connection: Connection) -> tuple[Key, ...]:
    """Every key ever made, oldest first."""
    return tuple(_from_row(row) for row in connection.execute(select(*_KEY).order_by(keys.c.created_at)))


def revoke(connection: Connection, prefix: str, now: float) -> bool:
    """End a key for good; False if there is no such key or it was revoked before."""
    statement = update(keys).where(keys.c.prefix == prefix, keys.c.revoked_at.is_(None))
    return connection.execute(statement.values(revoked_at=now)).rowcount == 1


def touch(connection: Connection, prefix: str, now: float) -> None:
    """Note that a key was used."""
    connection.execute(update(keys).where(keys.c.prefix == prefix).values(last_used_at=now))


def _prefix(token: str) -> str:
    return token.removeprefix(TOKEN_PREFIX)[:LOOKUP_LENGTH]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _from_row(row: Any) -> Key:
    stored = {field.name: row._mapping[field.name] for field in fields(Key)}
    return Key(**{**stored, "role": Role(row.role)})
