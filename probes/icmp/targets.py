"""The targets of the engine, in columns: one row each, kept while its key and address stay."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import numpy as np
from numpy.typing import NDArray

from probes.icmp.columns import Addresses, Floats, Integers, Mask, Rows, Words, grown
from probes.icmp.egress import PLAIN, Egress, Group
from probes.icmp.mmsg import NAME, NAME_BYTES, Names
from probes.icmp.packet import MAX_SIZE, MIN_SIZE

UPSTREAM, EMERGENCY, REST = 0, 1, 2
"""Values of `PingTarget.priority`."""

MIN_INTERVAL_S = 0.01


@dataclass(frozen=True, slots=True)
class PingTarget:
    """What is pinged, how often and with what.

    `size`: bytes of payload. `priority`: who is confirmed first. `organization`: whose confirmation budget
    is used (empty: only the global one). `companions`: keys of its upstreams, confirmed together with it.
    `egress`: how its pings leave this machine. Raises ValueError on values that cannot be sent.
    """

    key: str
    address: IPv4Address | IPv6Address
    interval_s: float = 1.0
    size: int = 56
    timeout_s: float = 3.0
    priority: int = REST
    organization: str = ""
    companions: tuple[str, ...] = ()
    egress: Egress = PLAIN

    def __post_init__(self) -> None:
        source = self.egress.source
        if source is not None and source.version != self.address.version:
            raise ValueError(f"from {source} nothing can be sent to {self.address}")
        if isinstance(self.address, IPv6Address) and self.address.scope_id:
            _interface(self.address.scope_id)
        if not MIN_SIZE <= self.size <= MAX_SIZE:
            raise ValueError(f"size is {self.size} bytes; allowed are {MIN_SIZE} to {MAX_SIZE}")
        if self.interval_s < MIN_INTERVAL_S:
            raise ValueError(f"interval is {self.interval_s} s; allowed is {MIN_INTERVAL_S} s or more")
        if self.timeout_s <= 0:
            raise ValueError(f"timeout is {self.timeout_s} s; it must be more than 0")

    @property
    def group(self) -> Group:
        """With whom it shares a socket."""
        return Group(self.address.version, self.egress)

    def is_measured_like(self, other: PingTarget) -> bool:
        """Whether what is known of one holds for the other."""
        return (self.address, self.egress) == (other.address, other.egress)


@dataclass(frozen=True, slots=True)
class Difference:
    """What a replacement changed. `fresh`: rows that start anew; `gone`: rows whose target left (a row can
    be both); `paced`: rows to be scheduled anew, because they are fresh or have another interval."""

    fresh: Rows
    gone: Rows
    paced: Rows


class TargetTable:
    """Columns by row. Rows of targets that left are given to later ones; `active` tells which are in use.

    `group` holds places in `groups`, all there ever were. `names` holds sockaddr bytes, `addresses` the same
    as numbers. `edge_child[i]` has `edge_upstream[i]` as companion.
    """

    def __init__(self) -> None:
        self.rows: Mapping[str, int] = {}
        self.active: Mask = np.zeros(0, dtype=np.bool_)
        self.groups: list[Group] = []
        self.group: NDArray[np.int16] = np.zeros(0, dtype=np.int16)
        self.names: Names = np.zeros(0, dtype=NAME_BYTES)
        self._address_high: Words = np.zeros(0, dtype=np.uint64)
        self._address_low: Words = np.zeros(0, dtype=np.uint64)
        self.interval_s: Floats = np.zeros(0)
        self.timeout_s: Floats = np.zeros(0)
        self.size: Integers = np.zeros(0, dtype=np.int64)
        self.priority: NDArray[np.int8] = np.zeros(0, dtype=np.int8)
        self.organization: Rows = np.zeros(0, dtype=np.intp)
        self.address_group: Rows = np.zeros(0, dtype=np.intp)
        self.edge_child: Rows = np.zeros(0, dtype=np.intp)
        self.edge_upstream: Rows = np.zeros(0, dtype=np.intp)
        self._targets: dict[str, PingTarget] = {}
        self._places: dict[Group, int] = {}
        self._organizations: dict[str, int] = {"": 0}

    def __len__(self) -> int:
        return len(self.active)

    @property
    def addresses(self) -> Addresses:
        """By row."""
        return Addresses(self._address_high, self._address_low)

    @property
    def organizations(self) -> int:
        """How many organizations were ever seen; code 0 is none."""
        return len(self._organizations)

    def replace(self, targets: Sequence[PingTarget]) -> Difference:
        """Take these targets in place of the present ones. Raises ValueError if a key occurs twice."""
        wanted = {target.key: target for target in targets}
        if len(wanted) != len(targets):
            raise ValueError("a key occurs twice among the targets")
        old, rows = self._targets, dict(self.rows)
        stays = {key for key in old if key in wanted and wanted[key].is_measured_like(old[key])}
        gone = [rows[key] for key in old if key not in stays]
        fresh = [key for key in wanted if key not in stays]
        changed = [key for key, target in wanted.items() if key in old and old[key] != target]
        repaced = [key for key in changed if old[key].interval_s != wanted[key].interval_s]
        self._give_rows(rows, wanted)
        self._targets, self.rows = wanted, rows
        for key in {*fresh, *changed}:
            self._write(rows[key], wanted[key])
        self._group()
        self._connect()
        return Difference(
            *(
                np.array(r, np.intp)
                for r in ([rows[k] for k in fresh], gone, [rows[k] for k in {*fresh, *repaced}])
            )
        )

    def _give_rows(self, rows: dict[str, int], wanted: Mapping[str, PingTarget]) -> None:
        for key in [key for key in rows if key not in wanted]:
            self.active[rows.pop(key)] = False
        new = [key for key in wanted if key not in rows]
        free = np.flatnonzero(~self.active)[: len(new)].tolist()
        size = len(self)
        free += range(size, size + len(new) - len(free))
        rows.update(zip(new, free, strict=True))
        self._resize(max(size, *free, -1) + 1 if free and max(free) >= size else size)
        self.active[free] = True

    def _resize(self, size: int) -> None:
        for name in ("active", "group", "_address_high", "_address_low", "interval_s", "timeout_s"):
            setattr(self, name, grown(getattr(self, name), size))
        for name in ("size", "priority", "organization"):
            setattr(self, name, grown(getattr(self, name), size))
        names: Names = np.zeros(size, dtype=NAME_BYTES)
        names[: len(self.names)] = self.names
        self.names = names

    def _write(self, row: int, target: PingTarget) -> None:
        self.group[row] = self._place_of(target.group)
        self.names[row : row + 1] = sockaddr(target.address)
        self._address_high[row], self._address_low[row] = divmod(int(target.address), 2**64)
        self.interval_s[row] = target.interval_s
        self.timeout_s[row] = target.timeout_s
        self.size[row] = target.size
        self.priority[row] = target.priority
        self.organization[row] = self._organizations.setdefault(target.organization, self.organizations)

    def _place_of(self, group: Group) -> int:
        place = self._places.get(group)
        if place is None:
            place = self._places[group] = len(self.groups)
            self.groups.append(group)
        return place

    def _group(self) -> None:
        groups: dict[IPv4Address | IPv6Address, int] = {}
        self.address_group = np.zeros(len(self), dtype=np.intp)
        for key, target in self._targets.items():
            self.address_group[self.rows[key]] = groups.setdefault(target.address, len(groups))

    def _connect(self) -> None:
        edges = [
            (self.rows[key], self.rows[companion])
            for key, target in self._targets.items()
            for companion in target.companions
            if companion in self.rows and companion != key
        ]
        pairs = np.array(edges, dtype=np.intp).reshape(-1, 2)
        self.edge_child, self.edge_upstream = pairs[:, 0].copy(), pairs[:, 1].copy()


def sockaddr(address: IPv4Address | IPv6Address) -> Names:
    """The kernel's struct sockaddr_in or sockaddr_in6 of an address, a column of one."""
    name = np.zeros(1, dtype=NAME)
    if isinstance(address, IPv4Address):
        name["family"], name["v4"] = socket.AF_INET, int(address)
    else:
        name["family"] = socket.AF_INET6
        name["v6_high"], name["v6_low"] = divmod(int(address), 2**64)
        name["scope"] = _interface(address.scope_id) if address.scope_id else 0
    return name.view(NAME_BYTES)


def _interface(scope_id: str) -> int:
    if scope_id.isdecimal():
        return int(scope_id)
    try:
        return socket.if_nametoindex(scope_id)
    except OSError:
        raise ValueError(f"this machine has no interface {scope_id!r}") from None
