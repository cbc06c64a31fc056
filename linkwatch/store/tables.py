"""The tables. Times are seconds since the epoch (UTC); the same tables serve SQLite and PostgreSQL.

The columns of `alerts` and `incidents` are the fields of the records of the same name.
"""

from __future__ import annotations

import math

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

REVISION = "0001"
"""The migration that makes these tables."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)


class Value(TypeDecorator[float]):
    """A measured value. SQLite turns NaN, which is a value, into NULL; so NULL means NaN here."""

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        """NaN as NULL."""
        return None if value is None or math.isnan(value) else value

    def process_result_value(self, value: float | None, dialect: Dialect) -> float:
        """NULL as NaN."""
        return math.nan if value is None else value


alerts = Table(
    "alerts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("annotations", JSON, nullable=False),
    Column("value", Value),
    Column("state", String(16), nullable=False),
    Column("true_since", Double, nullable=False),
    Column("true_at", Double, nullable=False),
    Column("fired_at", Double),
    Column("series", JSON, nullable=False),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("root", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("emergency", Boolean, nullable=False),
    Column("opened_at", Double, nullable=False),
    Column("alerts", JSON, nullable=False),
    Column("targets", JSON, nullable=False),
    Column("impact", JSON, nullable=False),
    Column("fault_owner", Text),
    Column("blame_reason", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("acknowledged_at", Double),
    Column("acknowledged_by", Text),
    Column("resolved_at", Double),
    Column("covered_since", Double),
    Column("covered_by", Text),
    Column("clock_shift_s", Double, nullable=False),
    Column("held", Boolean, nullable=False),
    Column("plan", JSON, nullable=False),
    Column("due_at", Double),
    Index("ix_incidents_due_at", "due_at"),
    Index("ix_incidents_state", "state", "id"),
)

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident", ForeignKey(incidents.c.id), nullable=False),
    Column("at", Double, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("detail", JSON, nullable=False),
    Index("ix_events_incident", "incident", "id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("incident", ForeignKey(incidents.c.id)),
    Column("contact", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("fallback", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Double, nullable=False),
    Column("repeated", Boolean, nullable=False),
    Column("lease_owner", Text),
    Column("lease_until", Double),
    Column("delivered_at", Double),
    Column("error", Text, nullable=False),
    Index("ix_outbox_state", "state", "next_at"),
    Index("ix_outbox_incident", "incident", "id"),
)
"""One row per notification. `incident` is NULL where it belongs to none."""

keys = Table(
    "keys",
    metadata,
    Column("prefix", String(8), primary_key=True),
    Column("hash", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("organization", Text),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("revoked_at", Double),
    Column("last_used_at", Double),
)
