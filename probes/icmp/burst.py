"""A counted number of pings to each of many hosts, with the figures of each: what `linkwatch ping` does."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probes.icmp.columns import Floats
from probes.icmp.egress import PLAIN, Egress, check_mark, explain
from probes.icmp.pinger import Pinger
from probes.icmp.results import IcmpError, Outcome, Results, RowCounters
from probes.icmp.targets import PingTarget
from probes.sample import IPAddress

HostResult = dict[str, Any]
"""Figures of one host: counts, `loss_ratio`, and `min_s` … `max_s`, None where no reply came."""

OnProgress = Callable[[int, int], None]
"""Called with how many pings have ended, and how many there will be."""

_POLL_S = 0.05


def ping_many(
    targets: Mapping[str, IPAddress],
    count: int = 5,
    interval_s: float = 1.0,
    timeout_s: float = 3.0,
    size: int = 56,
    on_progress: OnProgress | None = None,
    egress: Egress = PLAIN,
) -> dict[str, Any]:
    """Ping every target (name -> address) `count` times and wait for the last reply or timeout; blocks.

    Returns `{"total": {...}, "targets": [{"target", "address", ...}, ...]}`, durations in seconds; after
    Ctrl-C, of what has ended by then. Raises ProbePermissionError where ICMP is not allowed,
    MarkPermissionError, and ValueError on values that cannot be sent.
    """
    check_mark(egress)
    hosts = [
        PingTarget(key, address, interval_s, size, timeout_s, egress=egress)
        for key, address in targets.items()
    ]
    with Burst(hosts, count) as burst:
        with suppress(KeyboardInterrupt):
            _wait(burst, on_progress or (lambda _ended, _expected: None))
        return burst.summary()


def _wait(burst: Burst, on_progress: OnProgress) -> None:
    while not burst.collect():
        on_progress(burst.ended, burst.expected)
        time.sleep(_POLL_S)
    on_progress(burst.ended, burst.expected)


class Burst:
    """A pinger with a number of rounds; a context manager that runs it."""

    def __init__(self, targets: Sequence[PingTarget], count: int) -> None:
        self.expected = len(targets) * count
        self.ended = 0
        self._targets = targets
        self._pinger = Pinger(count=count)
        self._pinger.replace(targets)
        self._pinger.set_confirmations(np.zeros(len(targets), dtype=np.uint8))
        self._parts: list[Results] = []
        self._errors: dict[int, IcmpError] = {}

    def __enter__(self) -> Burst:
        self._pinger.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pinger.close()

    def collect(self) -> bool:
        """Take what has ended since the last call; whether that was all. Raises RuntimeError if the pinger
        has died, for then nothing would ever end."""
        if not self._pinger.is_alive:
            raise RuntimeError("the pinger's thread has died")
        part = self._pinger.drain()
        self.ended += len(part.row)
        self._parts.append(part)
        self._errors.update((error.row, error) for error in part.errors)
        return self.ended >= self.expected

    def summary(self) -> dict[str, Any]:
        """The figures of all hosts together and of each."""
        counters = self._pinger.row_counters()
        row, rtt_s, outcome = self._columns()
        order = np.argsort(row, kind="stable")
        row, rtt_s, outcome = row[order], rtt_s[order], outcome[order]
        bounds = np.searchsorted(row, np.arange(len(self._targets) + 1))
        hosts = []
        for target in self._targets:
            i = self._pinger.rows[target.key]
            part = slice(bounds[i], bounds[i + 1])
            figures = _figures(rtt_s[part], outcome[part], _counted(counters, slice(i, i + 1)))
            hosts.append(self._name(target) | figures | _ttl(counters, i) | self._evidence(target))
        total = {"targets": len(hosts)} | _figures(rtt_s, outcome, _counted(counters, slice(None)))
        return {"total": total | self._own_faults(), "targets": hosts}

    def result(self, key: str) -> HostResult:
        """The figures of one host."""
        host: HostResult = next(host for host in self.summary()["targets"] if host["target"] == key)
        return host

    def _columns(self) -> tuple[NDArray[np.int32], Floats, NDArray[np.uint8]]:
        return (
            np.concatenate([part.row for part in self._parts]),
            np.concatenate([part.rtt_s for part in self._parts]),
            np.concatenate([part.outcome for part in self._parts]),
        )

    @staticmethod
    def _name(target: PingTarget) -> HostResult:
        return {"target": target.key, "address": str(target.address)}

    def trouble(self, key: str) -> int:
        """errno of what kept the last ping from saying anything of a host, else 0."""
        return int(self._pinger.trouble[self._pinger.rows[key]])

    def _evidence(self, target: PingTarget) -> HostResult:
        error, code = self._errors.get(self._pinger.rows[target.key]), self.trouble(target.key)
        if code and not (code == errno.EMSGSIZE and error):
            why = self._pinger.faults.get(target.group) or explain(code, target.egress)
            return {"error": f"not sent: {why}"}
        if error is None:
            return {}
        if error.mtu:
            return {"error": f"too big: {error.reporter} passes {error.mtu} bytes"}
        return {"error": f"ICMP type {error.type} code {error.code} from {error.reporter}"}

    def _own_faults(self) -> dict[str, int]:
        counters = self._pinger.counters()
        return {
            "send_errors": counters.send_errors,
            "receive_drops": counters.receive_drops,
            "foreign_replies": counters.foreign_replies,
        }


def _counted(counters: RowCounters, rows: slice) -> dict[str, int]:
    return {
        "sent": int(counters.sent[rows].sum()),
        "duplicates": int(counters.duplicates[rows].sum()),
        "late": int(counters.late[rows].sum()),
        "too_big": int(counters.too_big[rows].sum()),
    }


def _ttl(counters: RowCounters, row: int) -> HostResult:
    """Of the last reply, None if none came or none was told."""
    return {"ttl": int(counters.ttl[row]) or None, "ttl_changes": int(counters.ttl_changes[row])}


def _figures(rtt_s: Floats, outcome: NDArray[np.uint8], counted: dict[str, int]) -> HostResult:
    """`void`: pings that this machine could not send, whose replies it dropped, or that were too big for the
    way; in no ratio."""
    received, lost, void = (int((outcome == kind).sum()) for kind in Outcome)
    known = received + lost
    figures = {"sent": counted["sent"], "received": received, "lost": lost, "void": void}
    ratio = {"loss_ratio": lost / known if known else None}
    extra = {name: counted[name] for name in ("duplicates", "late", "too_big")}
    return figures | ratio | _round_trips(rtt_s[outcome == Outcome.REPLY]) | extra


def _round_trips(rtt_s: Floats) -> HostResult:
    names = ("min_s", "p50_s", "p95_s", "p99_s", "max_s")
    if not rtt_s.size:
        return dict.fromkeys((*names, "mean_s"))
    values = np.percentile(rtt_s, [0, 50, 95, 99, 100]).tolist()
    return dict(zip(names, values, strict=True)) | {"mean_s": float(rtt_s.mean())}
