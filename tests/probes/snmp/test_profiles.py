"""Profiles: which one is chosen, and what a broken one is told."""

from __future__ import annotations

import pytest

from probes.snmp.profile import BrokenProfile, choose_profile, load_profiles, read_profiles
from probes.snmp.sensors import in_dbm, number_in


@pytest.mark.parametrize(
    ("object_id", "name"),
    [
        ("1.3.6.1.4.1.14988.1", "mikrotik"),
        (".1.3.6.1.4.1.9.1.1208", "cisco"),
        ("1.3.6.1.4.1.99.1", "generic"),
        ("1.3.6.1.4.1", "generic"),
        ("", "generic"),
        ("no OID", "generic"),
    ],
)
def test_a_profile_is_chosen_by_whole_numbers_of_the_object_id(object_id: str, name: str) -> None:
    assert choose_profile(object_id).name == name


def test_the_longest_prefix_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {
        "generic.yml": "vendor: other",
        "short.yml": "{vendor: a, match: [1.3.6.1.4.1.7]}",
        "long.yml": "{vendor: b, match: [1.3.6.1.4.1.7.2]}",
    }
    profiles = read_profiles(texts)
    monkeypatch.setattr("probes.snmp.profile.load_profiles", lambda: profiles)
    assert choose_profile("1.3.6.1.4.1.7.2.5").vendor == "b"
    assert choose_profile("1.3.6.1.4.1.7.20").vendor == "a"


def test_every_shipped_profile_has_items_and_a_vendor() -> None:
    for profile in load_profiles().values():
        assert profile.items, profile.name
        assert profile.vendor, profile.name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vendor: [", "a.yml: not valid YAML"),
        ("match: []", "a.yml: must have vendor"),
        ("{vendor: a, colour: red}", "a.yml: must have vendor, and beside it only include, items, match"),
        ("{vendor: a, match: [cisco]}", "a.yml: match: must be OIDs"),
        ("{vendor: a, match: 9}", "a.yml: match: must be a list"),
        ("{vendor: a, items: 9}", "a.yml: items: must be a list"),
        ("{vendor: a, include: [b]}", "a.yml: include: 'b' must be a profile without include"),
        ("{vendor: a, items: [{measure: cpu}]}", "a.yml: item 1: .*oid"),
        ("{vendor: a, items: [{measure: cpu, oid: 1.3.6.1.4, speed: 1}]}", "a.yml: item 1: must have only"),
        ("{vendor: a, items: [{measure: mood, oid: 1.3.6.1.4}]}", "item 1: measure: must be one of cpu"),
        ("{vendor: a, items: [{measure: cpu, oid: 1.3}]}", "item 1: oid: must be an OID"),
        ("{vendor: a, items: [{measure: cpu, oid: 1.3.6.1.4, scale: x}]}", "item 1: scale: must be a number"),
        ("{vendor: a, items: [{measure: cpu, oid: 1.3.6.1.4, ok: 1}]}", "item 1: ok: must be a list"),
        (
            "{vendor: a, items: [{measure: cpu, oid: 1.3.6.1.4, name_has: (}]}",
            "item 1: name_has: not a regular",
        ),
        (
            "{vendor: a, items: [{measure: cpu, oid: 1.3.6.1.4, rows: {x: [1]}}]}",
            "item 1: rows: must be OIDs",
        ),
        (
            "{vendor: a, items: [{measure: optics_receive, oid: 1.3.6.1.4}]}",
            "item 1: interface: must be given",
        ),
    ],
)
def test_a_broken_profile_says_where_and_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(BrokenProfile, match=message):
        read_profiles({"a.yml": text})


def test_two_profiles_for_one_object_id_are_refused() -> None:
    body = "{vendor: a, match: [1.3.6.1.4.1.7]}"
    with pytest.raises(BrokenProfile, match=r"b.yml: match: 1.3.6.1.4.1.7 belongs to a.yml"):
        read_profiles({"a.yml": body, "b.yml": body})


@pytest.mark.parametrize(
    ("value", "unit", "dbm"),
    [
        (-849, "dbm_or_microwatt", -8.49),
        (100, "dbm_or_microwatt", -10.0),
        (0, "dbm_or_microwatt", None),
        (250, "dbm", 2.5),
        (-5, "microwatt", None),
    ],
)
def test_optical_power_in_either_unit(value: float, unit: str, dbm: float | None) -> None:
    found = in_dbm(value, unit, 0.01)
    assert found == (None if dbm is None else pytest.approx(dbm))


@pytest.mark.parametrize(
    ("text", "number"),
    [("45 PERCENT", 45.0), ("51.569", 51.569), ("-3", -3.0), ("", None), ("n/a", None)],
)
def test_numbers_in_texts(text: str, number: float | None) -> None:
    assert number_in(text) == number
