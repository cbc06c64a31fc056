"""A path as one trace saw it, and what differs between two of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import zip_longest
from typing import Any

from probes.sample import IPAddress

SILENT = "*"
"""How a hop is shown that does not answer."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One hop. `addresses`: who answered, usually one; `rtt_s`: of every packet, None without answer."""

    addresses: tuple[IPAddress, ...] = ()
    rtt_s: tuple[float | None, ...] = ()

    @property
    def best_s(self) -> float | None:
        """The shortest round trip: the others waited in a queue, or for a busy router."""
        return min((rtt_s for rtt_s in self.rtt_s if rtt_s is not None), default=None)

    def __str__(self) -> str:
        return "/".join(map(str, self.addresses)) or SILENT


@dataclass(frozen=True, slots=True)
class Trace:
    """The path to `destination`: hop 1 first, up to the last that answered.

    `reached`: whether the last hop is the destination. `refusal`: why the last hop forwards nothing, in
    words, where it said so.
    """

    destination: IPAddress
    hops: tuple[Hop, ...]
    reached: bool
    refusal: str = ""

    @property
    def fingerprint(self) -> str:
        """The same for the same hops; twelve hexadecimal digits."""
        return sha256(str(self).encode()).hexdigest()[:12]

    def __str__(self) -> str:
        return " > ".join(map(str, self.hops))

    def filled_from(self, before: Trace) -> Trace:
        """This path, its silent hops taken from an earlier one if nothing else has changed: routers answer
        as they please, and a silence is no other path."""
        if changes(before, self):
            return self
        known = zip_longest(self.hops, before.hops[: len(self.hops)], fillvalue=Hop())
        hops = tuple(replace(now, addresses=now.addresses or was.addresses) for now, was in known)
        return replace(self, hops=hops)


def changes(before: Trace, after: Trace) -> tuple[str, ...]:
    """What is other in `after`, one line for each hop: nothing while all hops that answered in both are the
    same, and the destination, where both reached it, is as far away."""
    found = []
    for number, (was, now) in enumerate(zip(before.hops, after.hops, strict=False), start=1):
        if was.addresses and now.addresses and not set(was.addresses) & set(now.addresses):
            found.append(f"hop {number}: {was} -> {now}")
    if before.reached and after.reached and len(before.hops) != len(after.hops) and not found:
        found.append(f"{len(before.hops)} -> {len(after.hops)} hops")
    return tuple(found)


def as_json(trace: Trace) -> Mapping[str, Any]:
    """A trace for machines."""
    return {
        "destination": str(trace.destination),
        "reached": trace.reached,
        "refusal": trace.refusal or None,
        "fingerprint": trace.fingerprint,
        "hops": [_hop_as_json(number, hop) for number, hop in enumerate(trace.hops, start=1)],
    }


def _hop_as_json(number: int, hop: Hop) -> Mapping[str, Any]:
    return {"hop": number, "addresses": [str(one) for one in hop.addresses], "rtt_s": _rounded(hop.rtt_s)}


def _rounded(rtt_s: Sequence[float | None]) -> list[float | None]:
    return [None if one is None else round(one, 6) for one in rtt_s]
