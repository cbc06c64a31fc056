"""The parts of a device that a profile knows: found once, then read with every poll."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gufo.snmp import ValueType

from probes.pattern import cut_out, is_found
from probes.sample import Labels
from probes.snmp.client import Client
from probes.snmp.entity import Entities
from probes.snmp.interfaces import Interface, clean_text
from probes.snmp.item import MEASURES, Item
from probes.snmp.track import Values
from probes.snmp.walk import Walk

ROWS_MAX = 2000
"""Of one column: no device has more parts, but an agent may make them up."""
_NAME_MAX = 100
_SI_ONE = 9
"""EntitySensorDataScale of RFC 3433: 9 is units, each step a factor of 1000."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """One value of one part. `index` is what stands behind the OIDs of the item's columns."""

    item: Item
    index: str
    labels: Labels
    factor: float

    @property
    def oids(self) -> tuple[str, ...]:
        """What to ask for."""
        item = self.item
        columns = (item.oid, item.total, item.free, *item.alive)
        return tuple(column if column.endswith(".0") else column + self.index for column in columns if column)

    def read(self, answer: Mapping[str, ValueType]) -> float | None:
        """The value in base units; None when the agent does not know it or it cannot be one."""
        item = self.item
        for column, values in item.alive.items():
            if plain(answer.get(column + self.index)) not in ("", *values):
                return None
        raw = plain(answer.get(item.oid + self.index))
        if not raw or raw in item.skip or not is_found(item.says, raw):
            return None
        if item.ok:
            return float(raw in item.ok)
        value = self._share(answer, number_in(raw))
        measure = MEASURES[item.measure]
        if value is None or not measure.low <= value <= measure.high:
            return None
        return min(value, 1.0) if measure.metric.unit == "ratio" and measure.high < 2 else value

    def _share(self, answer: Mapping[str, ValueType], value: float | None) -> float | None:
        if value is None:
            return None
        item = self.item
        if item.is_optical:
            return in_dbm(value, item.unit, self.factor)
        value *= self.factor
        if item.total or item.free:
            other = number_in(plain(answer.get(_at(item.total or item.free, self.index))))
            whole = None if other is None else other + (value if item.free else 0.0)
            if not whole or whole < 0:
                return None
            value /= whole
        return 1.0 - value if item.inverse else value


def read_sensors(sensors: Sequence[Sensor], answer: Mapping[str, ValueType]) -> Values:
    """The values of one poll; parts that are one together count with their mean."""
    values: defaultdict[tuple[str, Labels], list[float]] = defaultdict(list)
    for sensor in sensors:
        value = sensor.read(answer)
        if value is not None:
            values[MEASURES[sensor.item.measure].metric.name, sensor.labels].append(value)
    return {key: sum(several) / len(several) for key, several in values.items()}


def in_dbm(value: float, unit: str, scale: float) -> float | None:
    """Optical power in dBm; None for 0 where that says that there is no module or no light.

    Huawei's firmware decides the unit: what is not above 0 is in hundredths of dBm, the rest microwatts.
    """
    if value == 0:
        return None
    if unit == "microwatt" or (unit == "dbm_or_microwatt" and value > 0):
        microwatt = value * (scale if unit == "microwatt" else 1.0)
        return 10 * math.log10(microwatt / 1000) if microwatt > 0 else None
    return value * scale


def plain(value: ValueType) -> str:
    """A value of an agent as text, in which profiles compare; what is missing is empty."""
    return "" if value is None else clean_text(value)


def number_in(text: str) -> float | None:
    """The number that a text begins with: some agents write `51.569` or `45 PERCENT`."""
    match = re.match(r"\s*([+-]?\d{1,20}(?:\.\d{1,20})?)", text)
    return float(match[1]) if match else None


def _at(column: str, index: str) -> str:
    return column if column.endswith(".0") else column + index


class SensorDiscovery:
    """Finds what of a profile's items a device has; `run` may be cancelled and called again."""

    def __init__(self, client: Client, items: Sequence[Item], interfaces: Sequence[Interface]) -> None:
        self._client = client
        self._waiting = list(items)
        self._entities = Entities(client)
        self._by_index = {interface.index: interface for interface in interfaces}
        self._by_name = {interface.name: interface for interface in interfaces}
        self._walk: Walk | None = None
        self._found: list[Sensor] = []
        self._answered: set[str] = set()

    async def run(self) -> tuple[Sensor, ...]:
        """All parts, once every item was looked for. Raises ProbeError when the agent is silent."""
        while self._waiting:
            item = self._waiting[0]
            if not (item.fallback and item.measure in self._answered):
                sensors = await self._find(item)
                self._found += sensors
                if sensors and not item.fallback:
                    self._answered.add(item.measure)
            self._waiting.pop(0)
        return tuple(self._found)

    def skip_item(self) -> None:
        """Leave out the item that the agent does not answer."""
        self._waiting, self._walk = self._waiting[1:], None

    async def _find(self, item: Item) -> list[Sensor]:
        indexes = await self._indexes(item)
        scales = await self._scales(item, indexes)
        names = await self._names(item, indexes)
        labels = {index: await self._labels(item, index, names[index]) for index in names}
        sensors = [Sensor(item, index, of, scales[index]) for index, of in labels.items() if of is not None]
        return sensors if item.mean else _tell_apart(sensors)

    async def _indexes(self, item: Item) -> list[str]:
        """Where the item's values stand, of the rows that are wanted."""
        if item.is_scalar:
            return [""] if item.oid in await self._client.get([item.oid]) else []
        if self._walk is None:
            self._walk = Walk(self._client, item.oid, ROWS_MAX)
        rows = await self._walk.run()
        indexes = [index for index, value in rows.items() if plain(value) not in item.skip]
        for column, values in item.rows.items():
            texts = await self._column(column, indexes)
            indexes = [index for index in indexes if texts.get(index) in values]
        self._walk = None
        return indexes

    async def _column(self, column: str, indexes: Sequence[str]) -> dict[str, str]:
        answer = await self._client.get_all([column + index for index in indexes])
        return {index: plain(answer.get(column + index)) for index in indexes}

    async def _scales(self, item: Item, indexes: Sequence[str]) -> dict[str, float]:
        prefixes = await self._column(item.prefix, indexes) if item.prefix else {}
        digits = await self._column(item.digits, indexes) if item.digits else {}
        return {
            index: item.scale
            * 1000.0 ** (_exponent(prefixes.get(index), _SI_ONE) - _SI_ONE)
            / 10.0 ** _exponent(digits.get(index), 0)
            for index in indexes
        }

    async def _names(self, item: Item, indexes: Sequence[str]) -> dict[str, str]:
        names = dict.fromkeys(indexes, item.label)
        if item.name == "entity":
            names = await self._entities.names(indexes)
        elif item.name == "index":
            names = {index: index.lstrip(".") for index in indexes}
        elif item.name:
            names = {index: text or index for index, text in (await self._column(item.name, indexes)).items()}
        if item.name and item.label:
            names = {index: f"{item.label} {text}" for index, text in names.items()}
        if item.name_cut:
            names = {index: cut_out(item.name_cut, text).strip() for index, text in names.items()}
        return {index: text[:_NAME_MAX] for index, text in names.items() if is_found(item.name_has, text)}

    async def _labels(self, item: Item, index: str, name: str) -> Labels | None:
        measure = MEASURES[item.measure]
        given = {"direction": measure.direction}
        if item.interface:
            interface = await self._interface(item, index, name)
            given |= {"interface": interface.name if interface else name}
            given |= {"alias": interface.alias if interface else ""}
        elif item.remote_as:
            given |= {"peer": name, "remote_as": (await self._column(item.remote_as, [index]))[index]}
        else:
            given |= {"component": name}
        return tuple((label, given[label]) for label in sorted(measure.metric.labels))

    async def _interface(self, item: Item, index: str, name: str) -> Interface | None:
        if item.interface == "name":
            return self._by_name.get(name)
        number = index.split(".")[1] if item.interface == "index" else await self._entities.port(index)
        return self._by_index.get(int(number)) if number and number.isdigit() else None


def _exponent(text: str | None, otherwise: int) -> int:
    """Of a prefix or of decimals, within what an agent may sensibly say."""
    number = number_in(text or "")
    return otherwise if number is None or not -8 <= number <= 17 else int(number)


def _tell_apart(sensors: Sequence[Sensor]) -> list[Sensor]:
    """Parts of one name get their index behind it: two fans called `Fan` are two fans."""
    counts = Counter(sensor.labels for sensor in sensors)
    return [
        sensor if counts[sensor.labels] == 1 else replace(sensor, labels=_numbered(sensor))
        for sensor in sensors
    ]


def _numbered(sensor: Sensor) -> Labels:
    own = ("component", "peer", "interface")
    return tuple(
        (label, f"{text} {sensor.index.lstrip('.')}".strip() if label in own else text)
        for label, text in sensor.labels
    )
