"""The raw sockets of one address family: one to send whole packets, one for ICMP, one for TCP.

They are opened once, while the process has the right to, and shared by all traces. scapy would open a packet
socket for every trace, which a service that gave up its rights cannot; it also routes by itself, past the
kernel, and costs a second and 70 MB to load.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address

from probes.icmp.filter import attach_program
from probes.icmp.mmsg import SO_TIMESTAMPNS
from probes.icmp.packet import V4, V6, Wire
from probes.path.answer import Answer, read_icmp, read_tcp
from probes.path.filter import icmp_program, tcp_program
from probes.sample import IPAddress

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_LEVELS = {4: socket.IPPROTO_IP, 6: socket.IPPROTO_IPV6}
_MTU_DISCOVER = {4: 10, 6: 23}
_PROBE = 3
"""IP_PMTUDISC_PROBE: send what the interface takes, whatever path MTU the kernel remembers."""
_RECVERR = {4: 11, 6: 25}
_MSG_ERRQUEUE = 0x2000
_EXTENDED_ERROR = struct.Struct("=IBBBxII")
"""struct sock_extended_err: errno, origin, type, code, info, data; info is the MTU of what was too big."""

_CAPTURE_BYTES = 1280
_MOST = 256
"""Packets read in one go; the rest waits for the next."""


class TracePermissionError(PermissionError):
    """This process may not open raw sockets; the message names what mends it."""

    def __init__(self) -> None:
        super().__init__(
            "not allowed to open raw sockets; run as root, or give the interpreter the right: "
            "sudo setcap cap_net_raw+ep $(readlink -f $(command -v python3))"
        )


class TooBigHereError(OSError):
    """The interface does not take so big a packet. `mtu`: what it takes."""

    def __init__(self, mtu: int) -> None:
        super().__init__(errno.EMSGSIZE, f"the interface takes {mtu} bytes")
        self.mtu = mtu


@dataclass(frozen=True, slots=True)
class Arrival:
    """An answer, and when it arrived by the kernel's stamp (wall clock, seconds since 1970)."""

    answer: Answer
    at: float


class RawSockets:
    """Sends and receives for one family. Raises TracePermissionError, or OSError where the machine does not
    know the family."""

    def __init__(self, version: int) -> None:
        wire = V4 if version == 4 else V6
        self._version = version
        opened: list[socket.socket] = []
        try:
            opened.append(_open_sender(version))
            opened.append(_open(wire, wire.protocol, icmp_program(wire)))
            opened.append(_open(wire, socket.IPPROTO_TCP, tcp_program(wire)))
        except PermissionError:
            _close(opened)
            raise TracePermissionError from None
        except OSError:
            _close(opened)
            raise
        self._sender, self._icmp, self._tcp = opened

    @property
    def receivers(self) -> tuple[socket.socket, ...]:
        """What becomes readable when an answer arrives."""
        return self._icmp, self._tcp

    def close(self) -> None:
        """Close all of them."""
        _close([self._sender, self._icmp, self._tcp])

    def send(self, packet: bytes, destination: IPAddress) -> None:
        """Send a whole packet. Raises TooBigHereError, or OSError where this machine refuses."""
        try:
            self._sender.sendto(packet, (str(destination), 0))
        except OSError as error:
            if error.errno == errno.EMSGSIZE and (mtu := self._refused_mtu()):
                raise TooBigHereError(mtu) from None
            raise

    def receive(self, opened: socket.socket) -> Iterator[Arrival]:
        """The answers that wait in one of `receivers`."""
        read = read_icmp if opened is self._icmp else read_tcp
        for _ in range(_MOST):
            try:
                data, control, _, name = opened.recvmsg(_CAPTURE_BYTES, 128)
            except (BlockingIOError, InterruptedError):
                return
            answer = read(data, ip_address(name[0].partition("%")[0]))
            if answer is not None:
                yield Arrival(answer, _stamp(control))

    def _refused_mtu(self) -> int:
        """What the kernel says would fit, of the packet just refused."""
        try:
            _, control, _, _ = self._sender.recvmsg(1, 512, _MSG_ERRQUEUE)
        except BlockingIOError:
            return 0
        for level, option, content in control:
            if (level, option) == (_LEVELS[self._version], _RECVERR[self._version]):
                return int(_EXTENDED_ERROR.unpack_from(content)[4])
        return 0


def source_of(destination: IPAddress) -> IPAddress:
    """The address from which this machine sends to `destination`. Raises OSError where there is no route."""
    is_v4 = isinstance(destination, IPv4Address)
    with socket.socket(socket.AF_INET if is_v4 else socket.AF_INET6, socket.SOCK_DGRAM) as asked:
        asked.connect((str(destination), 9))  # a datagram socket sends nothing by that
        return ip_address(asked.getsockname()[0].partition("%")[0])


def _open_sender(version: int) -> socket.socket:
    """A socket of IPPROTO_RAW takes packets with their header, and receives nothing."""
    sender = socket.socket(_FAMILIES[version], socket.SOCK_RAW, socket.IPPROTO_RAW)
    sender.setblocking(False)
    sender.setsockopt(_LEVELS[version], _MTU_DISCOVER[version], _PROBE)
    sender.setsockopt(_LEVELS[version], _RECVERR[version], 1)
    return sender


def _open(wire: Wire, protocol: int, program: list[tuple[int, int, int, int]]) -> socket.socket:
    opened = socket.socket(_FAMILIES[wire.version], socket.SOCK_RAW, protocol)
    attach_program(opened, program)
    opened.setblocking(False)
    opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return opened


def _close(opened: list[socket.socket]) -> None:
    for one in opened:
        one.close()


def _stamp(control: list[tuple[int, int, bytes]]) -> float:
    for level, option, content in control:
        if (level, option) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = struct.unpack("qq", content[:16])
            return float(seconds) + float(nanoseconds) * 1e-9
    return float("nan")
