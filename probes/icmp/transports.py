"""The sockets of one engine: one for each group of targets, and why some could not be opened."""

from __future__ import annotations

import errno
import secrets
from collections.abc import Iterable, Mapping

from probes.icmp.clock import Clock
from probes.icmp.egress import PLAIN, Egress, Group, MarkPermissionError, explain
from probes.icmp.sockets import ProbePermissionError
from probes.icmp.transport import Transport

IDENTS = 2**16


class Transports:
    """Opens them, by group; once open one stays so, for the right to may be gone later."""

    def __init__(self, token: int, clock: Clock) -> None:
        self._token, self._clock = token, clock
        self._first_ident = secrets.randbits(16)
        self._open: dict[Group, Transport] = {}
        self._refusals: dict[Group, OSError] = {}

    def open_all(self, egresses: Iterable[Egress]) -> None:
        """The plain ones, and those of `egresses`. Raises ProbePermissionError where ICMP is forbidden; what
        else cannot be opened is no error."""
        for version in (4, 6):
            self.open(Group(version, PLAIN))
            refusal = self._refusals.get(Group(version, PLAIN))
            if refusal is not None and refusal.errno != errno.EAFNOSUPPORT:
                self.close()
                raise refusal
        for egress in egresses:
            for version in (4, 6) if egress.source is None else (egress.source.version,):
                self.open(Group(version, egress))

    def open(self, group: Group) -> Transport | None:
        """The transport of a group, opened now unless it is; None if it cannot be."""
        if group not in self._open:
            try:
                ident = (self._first_ident + len(self._open)) % IDENTS
                self._open[group] = Transport(group, self._token, ident, self._clock)
                self._refusals.pop(group, None)
            except OSError as error:
                self._refusals[group] = error
        return self._open.get(group)

    def get(self, group: Group) -> Transport | None:
        """The transport of a group, if it is open."""
        return self._open.get(group)

    def refusal(self, group: Group) -> int:
        """errno of what kept the socket of a group from being opened; 0 if nothing did."""
        error = self._refusals.get(group)
        return 0 if error is None else error.errno or errno.EPERM

    def faults(self, groups: Iterable[Group]) -> Mapping[Group, str]:
        """Why nothing can be sent, of those of the groups of which that is known, in one line for people."""
        found = {group: self._why(group) for group in groups}
        return {group: why for group, why in found.items() if why}

    def _why(self, group: Group) -> str:
        refusal, transport = self._refusals.get(group), self._open.get(group)
        if refusal is not None:
            return _refusal_text(refusal, group.egress)
        return explain(transport.fault, group.egress) if transport and transport.fault else ""

    def receive_buffer_bytes(self) -> int:
        """The smallest receive buffer the kernel granted; 0 if none is open."""
        sizes = [transport.socket.receive_buffer_bytes() for transport in self._open.values()]
        return min(sizes, default=0)

    def close(self) -> None:
        """Close all."""
        for transport in self._open.values():
            transport.close()
        self._open.clear()


def _refusal_text(refusal: OSError, egress: Egress) -> str:
    """Why a socket is not open. A permission error says by itself what mends it."""
    if isinstance(refusal, ProbePermissionError):
        return f"{refusal}; if LinkWatch had the right when it started: start it again"
    if isinstance(refusal, MarkPermissionError):
        return str(refusal.strerror)
    return explain(refusal.errno or 0, egress)
