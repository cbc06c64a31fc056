"""One interface over time: readings go in, totals, rates and windowed ratios come out. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from probes.sample import Labels, Metric
from probes.snmp import metrics
from probes.snmp.interfaces import (
    COUNTERS,
    DIRECTIONS,
    STATE_COLUMNS,
    Change,
    Direction,
    Interface,
    Reading,
    all_columns,
    compare,
    needed_columns,
)

WINDOW, WINDOW_S = "5m", 300.0

Values = dict[tuple[str, Labels], float]
_BYTES = {"receive": metrics.RECEIVE_BYTES, "transmit": metrics.TRANSMIT_BYTES}


class InterfaceTrack:
    """What is known of one interface. A change of name makes a new track."""

    def __init__(self, interface: Interface, version: str, count_admin_down: bool) -> None:
        self.interface = interface
        self.reading: Reading | None = None
        self._all_columns = all_columns(version)
        self._needed: tuple[str, ...] | None = None
        self._count_admin_down = count_admin_down
        self._totals: dict[str, int] = {}
        self._change: Change | None = None
        self._window: deque[tuple[float, Mapping[str, int]]] = deque()

    @property
    def last_read_at(self) -> float:
        """Monotonic time of the last reading; before the first one, the beginning of time."""
        return self.reading.at if self.reading else float("-inf")

    def columns(self) -> tuple[str, ...]:
        """What to ask for next: of an interface that is switched off, only whether it still is."""
        if self._is_off():
            return STATE_COLUMNS
        return self._needed or self._all_columns

    def update(self, reading: Reading) -> None:
        """Take in a reading of `columns()`."""
        asked_all = self._needed is None and not self._is_off()
        if asked_all and reading.admin_up is not False:
            self._needed = needed_columns(reading.columns)
        self._change = compare(self.reading, reading) if self.reading else None
        self._count(reading)
        self._remember(reading.at)
        self.reading = reading

    def values(self) -> Values:
        """The values of the last reading; what cannot be told is left out."""
        return dict(self._values())

    def _is_off(self) -> bool:
        switched_off = self.reading is not None and self.reading.admin_up is False
        return switched_off and not self._count_admin_down

    def _count(self, reading: Reading) -> None:
        grown = self._change.grown if self._change else {}
        for column in COUNTERS & reading.columns.keys():
            if column in grown and column in self._totals:
                self._totals[column] += grown[column]
            else:
                self._totals[column] = reading.columns[column]

    def _remember(self, now: float) -> None:
        if self._change is not None and self._change.grown:
            self._window.append((now, self._change.grown))
        while self._window and self._window[0][0] <= now - WINDOW_S:
            self._window.popleft()

    def _values(self) -> Iterator[tuple[tuple[str, Labels], float]]:
        if self.reading is None:
            return
        states = ((metrics.OPER_UP, self.reading.oper_up), (metrics.ADMIN_UP, self.reading.admin_up))
        for metric, state in states:
            if state is not None:
                yield self._key(metric), float(state)
        if self._is_off():
            return
        if self.reading.speed_bps is not None:
            yield self._key(metrics.SPEED), self.reading.speed_bps / 8
        for direction in DIRECTIONS:
            yield from self._of_direction(direction, self.reading)

    def _of_direction(
        self, direction: Direction, reading: Reading
    ) -> Iterator[tuple[tuple[str, Labels], float]]:
        octets = next((column for column in direction.octets if column in reading.columns), None)
        if octets is not None:
            yield self._key(_BYTES[direction.name]), float(self._totals[octets])
            utilization = self._utilization(octets, reading)
            if utilization is not None:
                yield self._key(metrics.UTILIZATION, direction=direction.name), utilization
        for column, total, ratio in (
            (direction.errors, metrics.ERRORS, metrics.ERRORS_RATIO),
            (direction.discards, metrics.DISCARDS, metrics.DISCARDS_RATIO),
        ):
            if column in reading.columns:
                yield self._key(total, direction=direction.name), float(self._totals[column])
                share = self._share(direction, column)
                if share is not None:
                    yield self._key(ratio, direction=direction.name, window=WINDOW), share

    def _utilization(self, octets: str, reading: Reading) -> float | None:
        if self._change is None or octets not in self._change.grown or reading.speed_bps is None:
            return None
        return self._change.grown[octets] * 8 / self._change.elapsed_s / reading.speed_bps

    def _share(self, direction: Direction, column: str) -> float | None:
        """Failed packets over all packets of the window.

        RFC 2863: packets received with errors or discarded are not among those delivered; packets to
        be sent are counted before either happens.
        """
        if not any(column in grown for _, grown in self._window):
            return None
        failed = self._grown(column)
        packets = sum(map(self._grown, (*direction.packets, *direction.packets_32)))
        if direction.name == "receive":
            packets += self._grown(direction.errors) + self._grown(direction.discards)
        if failed == 0:
            return 0.0
        return min(1.0, failed / packets) if packets else None

    def _grown(self, column: str) -> int:
        return sum(grown.get(column, 0) for _, grown in self._window)

    def _key(self, metric: Metric, **labels: str) -> tuple[str, Labels]:
        named = {"interface": self.interface.name, "alias": self.interface.alias, **labels}
        return metric.name, tuple(sorted(named.items()))
