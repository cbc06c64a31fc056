"""Rows of alerts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from linkwatch.core.records import Alert, AlertState, SeriesKey
from linkwatch.store.dialect import upsert
from linkwatch.store.tables import alerts


def put(connection: Connection, changed: Sequence[Alert]) -> None:
    """Insert or overwrite by id."""
    upsert(connection, alerts, [_to_row(alert) for alert in changed])


def drop(connection: Connection, ids: Sequence[str]) -> None:
    """Remove alerts that are gone."""
    if ids:
        statement = delete(alerts).where(alerts.c.id == bindparam("gone"))
        connection.execute(statement, [{"gone": alert_id} for alert_id in ids])


def load(connection: Connection) -> tuple[Alert, ...]:
    """Every alert that is not gone."""
    return tuple(_from_row(row._mapping) for row in connection.execute(select(alerts)))


def _to_row(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "rule": alert.rule,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "value": alert.value,
        "state": alert.state.value,
        "true_since": alert.true_since,
        "true_at": alert.true_at,
        "fired_at": alert.fired_at,
        "series": alert.series,
    }


def _from_row(row: Any) -> Alert:
    return Alert(
        **{**row, "state": AlertState(row["state"]), "series": tuple(map(_series_key, row["series"]))}
    )


def _series_key(stored: Sequence[Any]) -> SeriesKey:
    metric, labels = stored
    return metric, tuple((name, text) for name, text in labels)
