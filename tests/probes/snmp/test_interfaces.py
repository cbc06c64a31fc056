"""Two readings of one interface: growth, wraps, new starts, and what cannot be told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.snmp import mib
from probes.snmp.interfaces import (
    Reading,
    all_columns,
    clean_text,
    compare,
    name_interfaces,
    needed_columns,
    rebooted,
)

GIGABIT = {mib.IF_HIGH_SPEED: 1000}
FAST_ETHERNET = {mib.IF_HIGH_SPEED: 100}
TWO_32 = 2**32


def reading(at: float, columns: dict[str, int], uptime: int | None = -1) -> Reading:
    """A reading whose agent's clock runs like ours unless told otherwise."""
    return Reading(at, int(at * 100) if uptime == -1 else uptime, columns)


def grown(column: str, before: int, after: int, speed: dict[str, int] = GIGABIT) -> int | None:
    first, second = reading(1000, {**speed, column: before}), reading(1030, {**speed, column: after})
    return compare(first, second).grown.get(column)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**40))
def test_a_64_bit_counter_grows_by_the_difference(before: int, more: int) -> None:
    assert grown(mib.IF_HC_IN_OCTETS, before, before + more) == more


@given(st.integers(0, TWO_32 - 1), st.integers(0, 30 * 125_000_000 // 10))
def test_a_32_bit_counter_gives_the_true_growth_across_a_wrap(before: int, more: int) -> None:
    assert grown(mib.IF_IN_OCTETS, before, (before + more) % TWO_32, FAST_ETHERNET) == more


@given(st.integers(1, 2**64 - 1), st.integers(1, 2**63))
def test_a_64_bit_counter_that_went_back_started_anew(before: int, less: int) -> None:
    assert grown(mib.IF_HC_IN_OCTETS, before, max(0, before - less)) is None


@given(st.integers(0, TWO_32 - 1), st.integers(0, TWO_32 - 1), st.integers(0, 10**8))
def test_after_a_reboot_nothing_is_said_to_have_grown(before: int, after: int, uptime: int) -> None:
    first = Reading(1000, uptime + 100_000, {**GIGABIT, mib.IF_IN_OCTETS: before})
    second = Reading(1030, uptime, {**GIGABIT, mib.IF_IN_OCTETS: after})
    assert compare(first, second).grown == {}


@given(st.integers(0, TWO_32 - 1), st.integers(0, TWO_32 - 1))
def test_a_moved_discontinuity_time_is_a_new_start_even_if_the_counter_is_higher(
    before: int, after: int
) -> None:
    mark = mib.IF_COUNTER_DISCONTINUITY_TIME
    first = reading(1000, {**GIGABIT, mib.IF_IN_OCTETS: before, mark: 0})
    second = reading(1030, {**GIGABIT, mib.IF_IN_OCTETS: after, mark: 100_500})
    assert compare(first, second).grown == {}


def test_a_fall_that_would_mean_more_than_the_line_can_carry_is_a_new_start() -> None:
    assert grown(mib.IF_IN_OCTETS, 5_000_000, 100, FAST_ETHERNET) is None


def test_error_counters_cleared_by_hand_are_no_burst_of_errors() -> None:
    assert grown(mib.IF_IN_ERRORS, 100, 0) is None
    assert grown(mib.IF_IN_ERRORS, 100, 0, speed={}) is None
    assert grown(mib.IF_IN_ERRORS, 100, 0, {mib.IF_HIGH_SPEED: 400_000}) is None


def test_a_32_bit_counter_that_may_have_wrapped_unseen_is_unknown_not_small() -> None:
    assert grown(mib.IF_IN_OCTETS, 0, 1000, {mib.IF_HIGH_SPEED: 10_000}) is None
    assert grown(mib.IF_IN_OCTETS, 0, 1000, GIGABIT) == 1000  # 30 s at 1 Gbit/s are just below a wrap


def test_a_wrap_of_sysuptime_is_no_reboot() -> None:
    assert not rebooted(TWO_32 - 1000, 2000, 30.0)
    assert rebooted(TWO_32 - 1000, 2000, 600.0)
    assert rebooted(360_000, 500, 30.0)
    assert not rebooted(None, 5, 30.0)


def test_the_interval_is_the_agents_unless_its_clock_stands_or_runs_wild() -> None:
    first = Reading(1000.0, 100_000, {})
    assert compare(first, Reading(1032.0, 103_000, {})).elapsed_s == 30.0  # the answer came 2 s late
    assert compare(first, Reading(1030.0, 100_000, {})).elapsed_s == 30.0
    assert compare(first, Reading(1030.0, 200_000, {})).elapsed_s == 30.0
    assert compare(first, Reading(1030.0, None, {})).elapsed_s == 30.0


def test_two_readings_at_one_moment_say_nothing() -> None:
    first = Reading(1000.0, None, {mib.IF_IN_OCTETS: 1})
    assert compare(first, Reading(1000.0, None, {mib.IF_IN_OCTETS: 2})).grown == {}


@pytest.mark.parametrize(
    ("high", "low", "bps"),
    [
        (1000, 1_000_000_000, 1e9),
        (10_000, TWO_32 - 1, 1e10),
        (2, 2_048_000, 2_048_000),  # an E1: ifHighSpeed is rounded
        (0, 512_000, 512_000),
        (None, 100_000_000, 1e8),
        (0, 0, None),
        (None, None, None),
    ],
)
def test_speed(high: int | None, low: int | None, bps: float | None) -> None:
    columns = {mib.IF_HIGH_SPEED: high, mib.IF_SPEED: low}
    assert reading(0, {k: v for k, v in columns.items() if v is not None}).speed_bps == bps


@pytest.mark.parametrize(("status", "up"), [(1, True), (2, False), (4, None), (5, False), (7, False)])
def test_oper_state(status: int, up: bool | None) -> None:
    assert reading(0, {mib.IF_OPER_STATUS: status}).oper_up is up


def test_only_the_64_bit_twin_is_asked_for_again() -> None:
    seen = dict.fromkeys(all_columns("2c"), 1) | GIGABIT
    needed = needed_columns(seen)
    assert mib.IF_HC_IN_OCTETS in needed
    assert mib.IF_IN_ERRORS in needed
    assert not {mib.IF_IN_OCTETS, mib.IF_OUT_OCTETS, mib.IF_IN_NUCAST_PKTS, mib.IF_SPEED} & set(needed)


def test_without_64_bit_counters_those_of_32_bits_are_kept() -> None:
    needed = needed_columns(dict.fromkeys(all_columns("1"), 1))
    assert {mib.IF_IN_OCTETS, mib.IF_OUT_OCTETS, mib.IF_SPEED} <= set(needed)
    assert mib.IF_HC_IN_OCTETS not in needed


def names(*rows: tuple[str, str]) -> list[str]:
    table = {i: {mib.IF_NAME: name, mib.IF_DESCR: descr} for i, (name, descr) in enumerate(rows, start=1)}
    return [interface.name for interface in name_interfaces(table)]


def test_names_are_ifname_else_ifdescr_else_ifindex() -> None:
    assert names(("ge0", "Port 0"), ("", "Port 1"), ("", "")) == ["ge0", "Port 1", "3"]


def test_a_name_that_occurs_twice_is_used_by_neither() -> None:
    assert names(("eth", "a"), ("eth", "b"), ("x", "c")) == ["a", "b", "x"]
    assert names(("eth", "a"), ("eth", "a")) == ["1", "2"]


def test_an_index_that_is_another_interfaces_name_is_told_apart() -> None:
    assert names(("2", "x"), ("", "")) == ["2", "ifIndex 2"]


_texts = st.sampled_from(["", "1", "2", "3", "a", "b", "ifIndex 1", "ifIndex 2"])


@given(st.lists(st.tuples(_texts, _texts), max_size=6))
def test_interfaces_are_never_merged(rows: list[tuple[str, str]]) -> None:
    found = names(*rows)
    assert len(set(found)) == len(rows)


def test_texts_of_agents_become_one_clean_line() -> None:
    assert clean_text(b"Cisco IOS\r\nCopyright\x00") == "Cisco IOS Copyright"
    assert clean_text("Thanh Hóa".encode()) == "Thanh Hóa"
    assert clean_text(b"\xff") == "\ufffd"
