"""One interface over time: totals, utilisation, windowed ratios, and what is left out."""

from __future__ import annotations

import pytest

from probes.snmp import mib
from probes.snmp.interfaces import Interface, Reading
from probes.snmp.track import InterfaceTrack

UP = {mib.IF_ADMIN_STATUS: 1, mib.IF_OPER_STATUS: 1, mib.IF_HIGH_SPEED: 100}


def track(count_admin_down: bool = False) -> InterfaceTrack:
    return InterfaceTrack(Interface(1, "ge0", "VNPT 38TH0123"), "2c", count_admin_down)


def feed(one: InterfaceTrack, at: float, columns: dict[str, int], uptime: int | None = None) -> None:
    one.update(Reading(at, int(at * 100) if uptime is None else uptime, {**UP, **columns}))


def value(one: InterfaceTrack, metric: str, **labels: str) -> float | None:
    named = {"interface": "ge0", "alias": "VNPT 38TH0123", **labels}
    return one.values().get((f"linkwatch_interface_{metric}", tuple(sorted(named.items()))))


def test_the_first_reading_gives_states_speed_and_totals_but_no_rate() -> None:
    one = track()
    feed(one, 1000, {mib.IF_HC_IN_OCTETS: 5000, mib.IF_IN_ERRORS: 3})
    assert value(one, "oper_up") == value(one, "admin_up") == 1.0
    assert value(one, "speed_bytes_per_second") == 12_500_000
    assert value(one, "receive_bytes_total") == 5000
    assert value(one, "errors_total", direction="receive") == 3
    assert value(one, "utilization_ratio", direction="receive") is None
    assert value(one, "errors_ratio", direction="receive", window="5m") is None
    assert value(one, "transmit_bytes_total") is None


def test_utilisation_of_each_direction() -> None:
    one = track()
    feed(one, 1000, {mib.IF_HC_IN_OCTETS: 0, mib.IF_HC_OUT_OCTETS: 0})
    feed(one, 1030, {mib.IF_HC_IN_OCTETS: 187_500_000, mib.IF_HC_OUT_OCTETS: 37_500_000})
    assert value(one, "utilization_ratio", direction="receive") == pytest.approx(0.5)
    assert value(one, "utilization_ratio", direction="transmit") == pytest.approx(0.1)


def test_the_total_of_a_32_bit_counter_goes_on_across_a_wrap() -> None:
    one = track()
    feed(one, 1000, {mib.IF_IN_OCTETS: 2**32 - 1000})
    feed(one, 1030, {mib.IF_IN_OCTETS: 500})
    assert value(one, "receive_bytes_total") == 2**32 + 500
    assert value(one, "utilization_ratio", direction="receive") == pytest.approx(1500 * 8 / 30 / 1e8)


def test_after_a_reboot_totals_start_anew_and_rates_come_with_the_next_reading() -> None:
    one = track()
    feed(one, 1000, {mib.IF_HC_IN_OCTETS: 10**9}, uptime=500_000)
    feed(one, 1030, {mib.IF_HC_IN_OCTETS: 2000}, uptime=1000)
    assert value(one, "receive_bytes_total") == 2000
    assert value(one, "utilization_ratio", direction="receive") is None
    feed(one, 1060, {mib.IF_HC_IN_OCTETS: 3000}, uptime=4000)
    assert value(one, "utilization_ratio", direction="receive") == pytest.approx(1000 * 8 / 30 / 1e8)


def errors(at: float, failed: int, packets: int) -> tuple[float, dict[str, int]]:
    return at, {mib.IF_IN_ERRORS: failed, mib.IF_IN_DISCARDS: 0, mib.IF_HC_IN_UCAST_PKTS: packets}


def test_error_ratio_counts_failed_packets_among_all_received() -> None:
    one = track()
    feed(one, *errors(1000, 0, 0))
    feed(one, *errors(1030, 10, 990))
    assert value(one, "errors_ratio", direction="receive", window="5m") == pytest.approx(0.01)
    assert value(one, "discards_ratio", direction="receive", window="5m") == 0.0


def test_error_ratio_forgets_what_is_older_than_its_window() -> None:
    one = track()
    feed(one, *errors(1000, 0, 0))
    feed(one, *errors(1030, 10, 990))
    feed(one, *errors(1329, 10, 1990))
    assert value(one, "errors_ratio", direction="receive", window="5m") == pytest.approx(10 / 2000)
    feed(one, *errors(1330, 10, 2990))
    assert value(one, "errors_ratio", direction="receive", window="5m") == 0.0


def test_an_idle_interface_has_a_measured_ratio_of_zero() -> None:
    one = track()
    feed(one, *errors(1000, 7, 100))
    feed(one, *errors(1030, 7, 100))
    assert value(one, "errors_ratio", direction="receive", window="5m") == 0.0


def test_errors_without_packet_counters_have_no_ratio() -> None:
    one = track()
    for at, failed in ((1000, 0), (1030, 5)):
        feed(one, at, {mib.IF_OUT_ERRORS: failed})
    assert value(one, "errors_total", direction="transmit") == 5
    assert value(one, "errors_ratio", direction="transmit", window="5m") is None


def test_of_an_interface_that_is_switched_off_only_its_state_is_asked_and_told() -> None:
    one = track()
    feed(one, 1000, {mib.IF_ADMIN_STATUS: 2, mib.IF_OPER_STATUS: 2, mib.IF_HC_IN_OCTETS: 5})
    assert one.columns() == (mib.IF_ADMIN_STATUS, mib.IF_OPER_STATUS)
    assert {metric for metric, _ in one.values()} == {
        "linkwatch_interface_oper_up",
        "linkwatch_interface_admin_up",
    }


def test_an_interface_switched_on_again_is_counted_again() -> None:
    one = track()
    feed(one, 1000, {mib.IF_ADMIN_STATUS: 2})
    feed(one, 1030, {})
    assert mib.IF_HC_IN_OCTETS in one.columns()
    feed(one, 1060, {mib.IF_HC_IN_OCTETS: 5})
    assert value(one, "receive_bytes_total") == 5


def test_switched_off_interfaces_are_counted_if_the_settings_say_so() -> None:
    one = track(count_admin_down=True)
    feed(one, 1000, {mib.IF_ADMIN_STATUS: 2, mib.IF_HC_IN_OCTETS: 5})
    assert value(one, "receive_bytes_total") == 5
