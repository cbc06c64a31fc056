"""The error queue of datagram ICMP sockets, which never see an ICMP error as a packet (ip(7), IP_RECVERR)."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple

import numpy as np

from probes.icmp.columns import Addresses
from probes.icmp.packet import ECHO_BYTES, HEADER, Errors, Wire, addresses

_MSG_ERRQUEUE = 0x2000
_OPTIONS = {4: (socket.IPPROTO_IP, 11), 6: (socket.IPPROTO_IPV6, 25)}
"""Level and number of IP_RECVERR and IPV6_RECVERR."""

_EXTENDED_ERROR = struct.Struct("=IBBBxII")
"""struct sock_extended_err: errno, origin, type, code, info, data; a sockaddr of the offender follows."""
_BY_ICMP = (2, 3)
"""SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6: not an error of this machine's own making."""

_MOST = 4096


class Refusal(NamedTuple):
    """One ICMP error, as a batch of one, and who reported it."""

    errors: Errors
    reporters: Addresses


def keep_errors(opened: socket.socket, wire: Wire) -> None:
    """Have the kernel queue the ICMP errors of this socket."""
    level, option = _OPTIONS[wire.version]
    opened.setsockopt(level, option, 1)


def read_error_queue(opened: socket.socket, wire: Wire) -> Iterator[Refusal]:
    """ICMP errors that wait in the queue, with the echo request that each is about."""
    for _ in range(_MOST):
        try:
            data, control, _, name = opened.recvmsg(HEADER.itemsize, 512, _MSG_ERRQUEUE)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EINTR):
                return
            raise
        for level, option, content in control:
            if (level, option) == _OPTIONS[wire.version] and len(data) >= ECHO_BYTES:
                yield from _parse(wire, data, content, name[0])


def _parse(wire: Wire, data: bytes, content: bytes, destination: str) -> Iterator[Refusal]:
    _, origin, kind, code, mtu, _ = _EXTENDED_ERROR.unpack_from(content)
    offender = content[_EXTENDED_ERROR.size :]
    reporter = offender[4:8] if wire.version == 4 else offender[8:24]
    if origin not in _BY_ICMP or kind not in wire.errors or len(offender) < 8:
        return
    errors = Errors(
        index=np.zeros(1, np.intp),
        type=np.array([kind], np.uint8),
        code=np.array([code], np.uint8),
        echoes=np.frombuffer(data.ljust(HEADER.itemsize, b"\0"), dtype=HEADER),
        whole=np.array([len(data) >= HEADER.itemsize]),
        destinations=_words(ip_address(destination.partition("%")[0]).packed),
        mtu=np.array([mtu if (kind, code) == wire.too_big else 0], np.int64),
    )
    yield Refusal(errors, _words(reporter))


def _words(packed: bytes) -> Addresses:
    return addresses(np.frombuffer(packed, dtype=np.uint8)[None, :])
