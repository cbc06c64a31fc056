"""ICMP sockets of Linux: opening, buffers, the in-kernel filter, and what to do when they are forbidden."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass

from probes.icmp.egress import PLAIN, Egress, bind_source, dress
from probes.icmp.errqueue import keep_errors
from probes.icmp.filter import attach_filter
from probes.icmp.mmsg import SO_TIMESTAMPNS
from probes.icmp.packet import Wire

REPLY_BUFFER_BYTES = 832
"""What a waiting reply costs of the receive buffer."""
BUFFER_BYTES = 16 * 1024 * 1024
"""Room for two seconds of 10,000 replies per second."""

_SO_MEMINFO = 55
_MEMINFO_DROPS = 8
_SO_RCVBUFFORCE, _SO_SNDBUFFORCE = 33, 32
_RECEIVE_TTL = {4: (socket.IPPROTO_IP, 12), 6: (socket.IPPROTO_IPV6, 51)}
"""IP_RECVTTL and IPV6_RECVHOPLIMIT."""


class ProbePermissionError(PermissionError):
    """This process may not send ICMP; the message names the commands that mend it."""

    def __init__(self) -> None:
        super().__init__(
            "not allowed to open ICMP sockets; run as root, or give the interpreter the right: "
            "sudo setcap cap_net_raw+ep $(readlink -f $(command -v python3)), "
            'or allow ping sockets to everyone: sudo sysctl -w net.ipv4.ping_group_range="0 2147483647"'
        )


@dataclass(frozen=True, slots=True)
class IcmpSocket:
    """An open socket. `raw`: whether the kernel leaves headers to us; else it sets `ident` by itself."""

    socket: socket.socket
    wire: Wire
    raw: bool
    ident: int

    @property
    def has_ip_header(self) -> bool:
        """Whether packets come with their IP header; else the kernel tells the TTL beside them."""
        return self.raw and self.wire.version == 4

    def drops(self) -> int:
        """Packets dropped because the receive buffer was full, since the socket was opened.

        The counter of SO_RXQ_OVFL, asked for directly: a control message would come only with the next
        packet, which may never come.
        """
        data = self.socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36)
        drops: int = struct.unpack("9I", data)[_MEMINFO_DROPS]
        return drops

    def receive_buffer_bytes(self) -> int:
        """How much the kernel lets wait (it doubles what was asked, for its own overhead)."""
        return self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def open_socket(wire: Wire, ident: int, egress: Egress = PLAIN) -> IcmpSocket:
    """A raw socket where allowed, else a datagram one. Raises ProbePermissionError where neither is,
    MarkPermissionError, and OSError where the machine does not know the address family."""
    family = socket.AF_INET if wire.version == 4 else socket.AF_INET6
    try:
        raw = socket.socket(family, socket.SOCK_RAW, wire.protocol)
    except PermissionError:
        return _dressed(_open_datagram(family, wire, egress), wire, egress, None)
    return _dressed(raw, wire, egress, ident)


def _open_datagram(family: int, wire: Wire, egress: Egress) -> socket.socket:
    """It is bound here and now, to its source too: that can be done once."""
    try:
        opened = socket.socket(family, socket.SOCK_DGRAM, wire.protocol)
    except PermissionError:
        raise ProbePermissionError from None
    if fault := bind_source(opened, wire.version, egress):
        opened.close()
        raise OSError(fault, os.strerror(fault))
    keep_errors(opened, wire)
    return opened


def _dressed(opened: socket.socket, wire: Wire, egress: Egress, ident: int | None) -> IcmpSocket:
    try:
        dress(opened, wire.version, egress)
        return _prepare(opened, wire, ident)
    except OSError:
        opened.close()
        raise


def _prepare(opened: socket.socket, wire: Wire, ident: int | None) -> IcmpSocket:
    opened.setblocking(False)
    opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    _enlarge(opened, _SO_RCVBUFFORCE, socket.SO_RCVBUF)
    _enlarge(opened, _SO_SNDBUFFORCE, socket.SO_SNDBUF)
    if ident is None or wire.version == 6:
        opened.setsockopt(*_RECEIVE_TTL[wire.version], 1)
    if ident is None:
        return IcmpSocket(opened, wire, raw=False, ident=opened.getsockname()[1])
    attach_filter(opened, wire, ident)
    return IcmpSocket(opened, wire, raw=True, ident=ident)


def _enlarge(opened: socket.socket, force_option: int, option: int) -> None:
    try:
        opened.setsockopt(socket.SOL_SOCKET, force_option, BUFFER_BYTES)
    except PermissionError:
        opened.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
