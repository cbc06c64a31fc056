"""How packets leave this machine: from which address, through which interface, with what in the IP header."""

from __future__ import annotations

import errno
import os
import re
import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import NamedTuple

from probes.requirements import require
from probes.sample import IPAddress

_CLASS_SELECTORS = {f"cs{n}": 8 * n for n in range(8)}
_ASSURED = {f"af{c}{d}": 8 * c + 2 * d for c in range(1, 5) for d in range(1, 4)}
DSCP = {"": 0, **_CLASS_SELECTORS, **_ASSURED, "ef": 46, "va": 44, "le": 1}
"""Name -> code point (RFC 2474, 2597, 3246, 5865, 8622)."""

MAX_DSCP, MAX_MARK = 63, 2**32 - 1
_INTERFACE = re.compile(r"[^\s/:%]{1,15}")
"""What the kernel takes as a name (dev_valid_name)."""

_SO_MARK = 36
_LEVELS = {4: socket.IPPROTO_IP, 6: socket.IPPROTO_IPV6}
_TRAFFIC_CLASS = {4: 1, 6: 67}
_MTU_DISCOVER = {4: 10, 6: 23}
_DONT_FRAGMENT = {4: 13, 6: 62}
_UNICAST_INTERFACE = {4: 50, 6: 76}
"""IP_TOS, IP_MTU_DISCOVER, IP_UNICAST_IF and the same of IPv6; IPV6_DONTFRAG."""
_PROBE = 3
"""IP_PMTUDISC_PROBE: never in pieces, and whatever path MTU the kernel remembers: each ping asks the way."""


@dataclass(frozen=True, slots=True)
class Egress:
    """What a socket does to all of its packets. Raises ValueError on what no kernel would take.

    `source`: an address of this machine. `interface`: goes out there, wherever the routes lead; replies may
    come in by any. `mark`: firewall mark, for policy routing. `dscp`: code point. `dont_fragment`: what is
    too big on the way is refused, not cut into pieces.
    """

    source: IPAddress | None = None
    interface: str = ""
    mark: int = 0
    dscp: int = 0
    dont_fragment: bool = False

    def __post_init__(self) -> None:
        named = not self.interface or bool(_INTERFACE.fullmatch(self.interface))
        require(named and self.interface not in (".", ".."), "interface", "the name of one, such as eth0")
        require(0 <= self.mark <= MAX_MARK, "mark", f"0 (none) to {MAX_MARK}")
        require(0 <= self.dscp <= MAX_DSCP, "dscp", f"0 to {MAX_DSCP}, or a name such as ef, af41 or cs5")


class Group(NamedTuple):
    """The targets that share a socket: IP version and egress."""

    version: int
    egress: Egress


PLAIN = Egress()
"""As the routes lead, nothing special."""


class MarkPermissionError(PermissionError):
    """This process may not mark packets."""

    def __init__(self, mark: int) -> None:
        super().__init__(
            errno.EPERM,
            f"mark {mark} needs the right CAP_NET_ADMIN, at the start of LinkWatch: run as root, or with "
            "AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN under systemd",
        )


def read_dscp(text: str) -> int:
    """The code point of `ef`, `af41`, `cs5` or a number. Raises ValueError."""
    known = DSCP.get(text.lower())
    number = known if known is not None else int(text) if text.isascii() and text.isdecimal() else -1
    require(0 <= number <= MAX_DSCP, "dscp", f"0 to {MAX_DSCP}, or a name such as ef, af41 or cs5")
    return number


def dress(opened: socket.socket, version: int, egress: Egress) -> None:
    """Set once what stays with a socket. Raises MarkPermissionError."""
    level = _LEVELS[version]
    _mark(opened, egress)
    if egress.dscp:
        opened.setsockopt(level, _TRAFFIC_CLASS[version], egress.dscp << 2)
    if egress.dont_fragment:
        opened.setsockopt(level, _MTU_DISCOVER[version], _PROBE)
        if version == 6:
            opened.setsockopt(level, _DONT_FRAGMENT[version], 1)


def check_mark(egress: Egress) -> None:
    """Raises MarkPermissionError where this process may not mark packets so."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        _mark(trial, egress)


def _mark(opened: socket.socket, egress: Egress) -> None:
    if not egress.mark:
        return
    try:
        opened.setsockopt(socket.SOL_SOCKET, _SO_MARK, egress.mark)
    except PermissionError:
        raise MarkPermissionError(egress.mark) from None


def aim(opened: socket.socket, version: int, interface: str) -> int:
    """Let a socket send through an interface as it is numbered now. It takes no right, so an interface that
    comes back (a modem that was plugged in again) is found again. errno, 0 if all is well."""
    try:
        number = socket.if_nametoindex(interface)
        opened.setsockopt(_LEVELS[version], _UNICAST_INTERFACE[version], struct.pack("!I", number))
    except OSError as error:
        return errno.ENODEV if error.errno in (None, errno.ENODEV, errno.ENXIO) else error.errno
    return 0


def bind_source(opened: socket.socket, version: int, egress: Egress) -> int:
    """Let a socket send from the source address, if there is one. errno, 0 if all is well."""
    try:
        opened.bind(_source_name(version, egress))
    except OSError as error:
        return error.errno or errno.EADDRNOTAVAIL
    return 0


def _source_name(version: int, egress: Egress) -> tuple[str, int] | tuple[str, int, int, int]:
    if version == 4 or egress.source is None:
        return ("" if egress.source is None else str(egress.source), 0)
    source = egress.source
    scope = source.scope_id if isinstance(source, IPv6Address) and source.scope_id else egress.interface
    number = socket.if_nametoindex(scope) if source.is_link_local and scope else 0
    return (str(source).partition("%")[0], 0, 0, number)


def explain(number: int, egress: Egress) -> str:
    """Why nothing was sent, in one line for people; `number`: errno."""
    if number == errno.EMSGSIZE:
        return "too big for the interface, and not to be cut into pieces"
    if number == errno.ENODEV and egress.interface:
        return f"this machine has no interface {egress.interface!r}"
    if number in (errno.EADDRNOTAVAIL, errno.EINVAL) and egress.source is not None:
        return f"{egress.source} is not an address of this machine"
    return os.strerror(number)
