"""Our own SNMP engine: reads notifications of version 3, and answers where the protocol wants an answer.

An inform is addressed to our engine, so its sender asks for our ID and clock first; a trap comes from the
sender's engine, whose clock is remembered so that a recorded trap cannot be played again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pysnmp.proto.rfc1905 import ReportPDU

from probes.sample import IPAddress
from probes.snmp.traps import usm
from probes.snmp.traps.codec import V2C, is_inform, read_notification, reading, response_to
from probes.snmp.traps.identity import engine_id
from probes.snmp.traps.usm import AUTHENTICATED, REPORTABLE, Envelope, Packet
from probes.snmp.traps.verdict import Refused, Result, Sender, Verdict

TIME_WINDOW_S = 150
"""RFC 3414, 2.2.3."""

CLOCKS_KEPT = 4096
CLOCK_KEPT_S = 3600.0
"""A device that forgets how often it was started is met anew after so long a silence."""

_BOOTS_SINCE = 1_577_836_800
"""The start of 2020: seconds since then count our starts, and need no place to be stored."""

_STATISTICS = (1, 3, 6, 1, 6, 3, 15, 1, 1)
_NOT_IN_TIME, _UNKNOWN_USER, _UNKNOWN_ENGINE, _WRONG_DIGEST = (
    (*_STATISTICS, number, 0) for number in (2, 3, 4, 5)
)


@dataclass(frozen=True, slots=True)
class _Clock:
    """The clock of a sender's engine, and when (`at`, monotonic) it said so."""

    boots: int
    time_s: int
    at: float


class Engine:
    """`name`: of this installation. `started_at`: seconds since the epoch; `monotonic` keeps our time."""

    def __init__(self, name: str, *, started_at: float, monotonic: Callable[[], float]) -> None:
        self.id = engine_id(name)
        self._boots = max(1, int(started_at) - _BOOTS_SINCE)
        self._monotonic = monotonic
        self._started_s = monotonic()
        self._clocks: OrderedDict[tuple[IPAddress, bytes], _Clock] = OrderedDict()

    def read(self, data: bytes, origin: IPAddress, senders: Sequence[Sender]) -> Verdict:
        """One datagram of version 3 from an address that `senders` share. Raises Refused."""
        packet = usm.open_packet(data)
        if packet.flags & REPORTABLE and packet.engine != self.id:
            raise Refused(Result.DISCOVERY, self._report(packet, _UNKNOWN_ENGINE))
        proven = self._prove(packet, senders)
        settings = proven[0].settings
        if packet.engine == self.id:
            self._check_own_time(packet, proven[0])
        elif packet.level & AUTHENTICATED:
            self._check_their_time(packet, origin)
        context_engine, context_name, pdu = usm.read_content(packet, settings)
        with reading():
            meaning, answer = read_notification(pdu), None
            if is_inform(pdu):
                envelope = self._envelope(packet, proven[0], packet.level)
                answer = usm.seal(envelope, (context_engine, context_name), response_to(pdu))
        return Verdict(Result.ACCEPTED, proven, meaning, answer)

    def _prove(self, packet: Packet, senders: Sequence[Sender]) -> tuple[Sender, ...]:
        named = [
            one
            for one in senders
            if one.settings.version == "3" and one.settings.user.encode() == packet.user
        ]
        with reading():
            proven = tuple(one for one in named if usm.is_proven(packet, one.settings))
        if not proven:
            counter = _WRONG_DIGEST if named else _UNKNOWN_USER
            raise Refused(Result.UNAUTHENTICATED, self._report(packet, counter))
        return proven

    def _check_own_time(self, packet: Packet, sender: Sender) -> None:
        """RFC 3414, 3.2.7a: the sender of an inform must know our clock."""
        is_timely = abs(packet.time_s - self._time_s()) <= TIME_WINDOW_S
        if packet.level & AUTHENTICATED and not (packet.boots == self._boots and is_timely):
            result = Result.DISCOVERY if packet.flags & REPORTABLE else Result.UNTIMELY
            raise Refused(result, self._report(packet, _NOT_IN_TIME, sender))

    def _check_their_time(self, packet: Packet, origin: IPAddress) -> None:
        """RFC 3414, 3.2.7b: the clock of a trap's sender only goes on."""
        now, place = self._monotonic(), (origin, packet.engine)
        known = self._clocks.get(place)
        if known is not None and now - known.at < CLOCK_KEPT_S:
            expected_s = known.time_s + now - known.at
            is_old = packet.boots == known.boots and packet.time_s < expected_s - TIME_WINDOW_S
            if packet.boots < known.boots or is_old:
                raise Refused(Result.UNTIMELY)
            if (packet.boots, packet.time_s) <= (known.boots, known.time_s):
                return  # in the window, and overtaken by a later one
        self._clocks[place] = _Clock(packet.boots, packet.time_s, now)
        self._clocks.move_to_end(place)
        if len(self._clocks) > CLOCKS_KEPT:
            self._clocks.popitem(last=False)

    def _report(self, packet: Packet, counter: tuple[int, ...], sender: Sender | None = None) -> bytes | None:
        """What tells the sender what is wrong, if it wants to hear of it; signed where `sender` is proven."""
        if not packet.flags & REPORTABLE:
            return None
        pdu = ReportPDU()
        V2C.apiPDU.set_defaults(pdu)
        V2C.apiPDU.set_varbinds(pdu, [(counter, V2C.Counter32(1))])
        level = AUTHENTICATED if sender is not None else 0
        return usm.seal(self._envelope(packet, sender, level), (self.id, b""), pdu)

    def _envelope(self, packet: Packet, sender: Sender | None, level: int) -> Envelope:
        settings = None if sender is None else sender.settings
        return Envelope(packet.id, self.id, self._boots, self._time_s(), settings, level)

    def _time_s(self) -> int:
        return int(self._monotonic() - self._started_s)
