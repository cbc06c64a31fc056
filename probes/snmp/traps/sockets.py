"""The socket that notifications come to."""

from __future__ import annotations

import errno
import socket

BUFFER_BYTES = 4 * 1024 * 1024


def open_socket(host: str, port: int) -> socket.socket:
    """A UDP socket for a receiver; `::` takes IPv4, too. Raises OSError, with a text for people."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != "::"))
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        opened.bind((host, port))
    except OSError as error:
        opened.close()
        raise _not_bound(error, host, port) from None
    return opened


def _not_bound(error: OSError, host: str, port: int) -> OSError:
    text = f"cannot receive traps on {host} port {port}: {(error.strerror or type(error).__name__).lower()}"
    if error.errno == errno.EADDRINUSE:
        text += "; end the program that listens there (snmptrapd?), or choose another port"
    if error.errno == errno.EACCES:
        text += f"; start as root, or: sudo sysctl -w net.ipv4.ip_unprivileged_port_start={port}"
    return OSError(text)
