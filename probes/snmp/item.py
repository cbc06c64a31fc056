"""One item of a profile: one number, or one column of numbers with a row per part of the device.

measure   what it is: a name from MEASURES
oid       where it stands; ends in .0: one number, else a column with a row per part
scale     what a value is multiplied with (0.01 for percent)
unit      of optical power: dbm, microwatt, or dbm_or_microwatt (by firmware: at most 0 it is dBm)
total     the whole of which the value is a share
free      what is left beside the value: the share is value / (value + free)
inverse   the value is what is left: the share is 1 - value
ok        the states that are good: the value becomes 1 or 0
skip      raw values that say that there is nothing here
says      a regular expression that a text must match, for values such as "45 PERCENT"
name      what a part is called: index, entity (ENTITY-MIB), or the OID of a column of texts
label     what a part is called, literally
interface which interface it belongs to: index (ifIndex), entity (ENTITY-MIB), or name (ifName)
remote_as column of the peer's AS number
rows      column -> values: only rows where these stand; read when the device is discovered
name_has  a regular expression: only rows whose name it finds
name_cut  a regular expression: what it finds is cut out of the name, such as a state that changes
alive     column -> values: the value counts only while these stand there, or nothing; read with every poll
prefix    column of the SI prefix (ENTITY-SENSOR-MIB: 9 is one, 8 is milli), `digits` of the decimals
mean      all rows are one part: their mean counts
fallback  only where no item before it has found that measure
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from probes.requirements import require, require_pattern
from probes.sample import Metric
from probes.snmp import metrics

_OID = re.compile(r"1(\.\d+){3,}")


def is_oid(value: object) -> bool:
    """Whether it is an OID in numbers, without a leading dot."""
    return isinstance(value, str) and _OID.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Measure:
    """What a number means: its metric, and the range outside of which it is no measurement."""

    metric: Metric
    low: float = 0.0
    high: float = float("inf")
    direction: str = ""

    @property
    def is_optical(self) -> bool:
        """Whether it is the power of light."""
        return self.metric is metrics.OPTICAL_POWER


_SHARE = (0.0, 1.05)
_LIGHT = (-60.0, 20.0)

MEASURES: Mapping[str, Measure] = {
    "cpu": Measure(metrics.CPU, *_SHARE),
    "memory": Measure(metrics.MEMORY, *_SHARE),
    "storage": Measure(metrics.STORAGE, *_SHARE),
    "temperature": Measure(metrics.TEMPERATURE, -60.0, 200.0),
    "temperature_ok": Measure(metrics.TEMPERATURE_OK),
    "fan_ok": Measure(metrics.FAN_OK),
    "fan_speed": Measure(metrics.FAN_SPEED, 0.0, 100_000.0),
    "power_supply_ok": Measure(metrics.POWER_SUPPLY_OK),
    "voltage": Measure(metrics.VOLTAGE, -500.0, 500.0),
    "power": Measure(metrics.POWER, 0.0, 100_000.0),
    "optics_receive": Measure(metrics.OPTICAL_POWER, *_LIGHT, "receive"),
    "optics_transmit": Measure(metrics.OPTICAL_POWER, *_LIGHT, "transmit"),
    "ups_on_battery": Measure(metrics.UPS_ON_BATTERY),
    "ups_charge": Measure(metrics.UPS_CHARGE, *_SHARE),
    "ups_runtime": Measure(metrics.UPS_RUNTIME),
    "ups_load": Measure(metrics.UPS_LOAD, 0.0, 2.0),
    "ups_input": Measure(metrics.UPS_INPUT, 0.0, 1000.0),
    "ups_battery_ok": Measure(metrics.UPS_BATTERY_OK),
    "bgp_up": Measure(metrics.BGP_UP),
    "bgp_state": Measure(metrics.BGP_STATE, 1.0, 6.0),
    "bgp_admin_up": Measure(metrics.BGP_ADMIN_UP),
    "bgp_established": Measure(metrics.BGP_ESTABLISHED),
}

_NAMES = "index, entity, or the OID of a column"
_UNITS = ("dbm", "microwatt", "dbm_or_microwatt")
_Where = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Item:
    """One number, or one column of numbers; the module says what each field means."""

    measure: str
    oid: str
    scale: float = 1.0
    unit: str = "dbm"
    total: str = ""
    free: str = ""
    inverse: bool = False
    ok: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    says: str = ""
    name: str = ""
    label: str = ""
    interface: str = ""
    remote_as: str = ""
    rows: _Where = field(default_factory=dict)
    name_has: str = ""
    name_cut: str = ""
    alive: _Where = field(default_factory=dict)
    prefix: str = ""
    digits: str = ""
    mean: bool = False
    fallback: bool = False

    def __post_init__(self) -> None:
        require(self.measure in MEASURES, "measure", f"one of {', '.join(MEASURES)}")
        for place in ("oid", "total", "free", "remote_as", "prefix", "digits"):
            value = getattr(self, place)
            require(is_oid(value) or (value == "" and place != "oid"), place, "an OID")
        for place in ("rows", "alive"):
            where = getattr(self, place)
            is_table = isinstance(where, Mapping) and all(isinstance(where[key], tuple) for key in where)
            require(is_table and all(map(is_oid, where)), place, "OIDs, each with a list of values")
        for place in ("ok", "skip"):
            require(isinstance(getattr(self, place), tuple), place, "a list")
        require(isinstance(self.scale, int | float), "scale", "a number")
        require(self.name in ("", "index", "entity") or is_oid(self.name), "name", _NAMES)
        require(self.interface in ("", "index", "entity", "name"), "interface", "index, entity or name")
        require(self.unit in _UNITS, "unit", f"one of {', '.join(_UNITS)}")
        require(bool(self.interface) == self.is_optical, "interface", "given with optics, else left out")
        for place in ("says", "name_has", "name_cut"):
            require_pattern(place, getattr(self, place))

    @property
    def is_scalar(self) -> bool:
        """Whether it is one number, not a column."""
        return self.oid.endswith(".0")

    @property
    def is_optical(self) -> bool:
        """Whether it is the power of light."""
        return MEASURES[self.measure].is_optical
