"""Where the alert rules and boards that come with LinkWatch lie: in the wheel, else in the checkout."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def rules_dir() -> Path:
    """The folder of the shipped rule files (`*.yml`; their tests are in `tests/`)."""
    return _shipped("alert_rules")


def dashboards_dir() -> Path:
    """The folder of the shipped Grafana boards (`*.json`)."""
    return _shipped("grafana") / "dashboards"


def _shipped(folder: str) -> Path:
    places = (PACKAGE / "shipped" / folder, PACKAGE.parent / folder)
    for place in places:
        if place.is_dir():
            return place
    raise FileNotFoundError(
        f"{folder} is missing: neither {places[0]} nor {places[1]} exists; reinstall LinkWatch"
    )
