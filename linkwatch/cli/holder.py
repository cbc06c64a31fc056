"""Which program listens on a port: /proc, as `ss -ltnp` reads it."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

_LISTEN = "0A"


class Holder(NamedTuple):
    """A running program."""

    pid: int
    name: str


def find_holder(host: str, port: int) -> Holder | None:
    """Who listens on that address or on all; None if nobody, or if it is not ours to see (not root)."""
    links = {f"socket:[{inode}]" for inode in _listening(host, port)}
    for process in Path("/proc").iterdir() if links else ():
        if process.name.isdigit() and any(link in links for link in _open_files(process)):
            return Holder(int(process.name), (process / "comm").read_text().strip())
    return None


def _listening(host: str, port: int) -> Iterator[str]:
    """Inodes of the sockets that listen there."""
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        try:
            lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        except OSError:
            continue  # a machine without IPv6
        for line in lines:
            fields = line.split()
            address, _, number = fields[1].partition(":")
            if fields[3] == _LISTEN and int(number, 16) == port and _is_there(family, address, host):
                yield fields[9]


def _is_there(family: socket.AddressFamily, written: str, host: str) -> bool:
    """Whether an address as the kernel writes it, words of 32 bits in its own order, is `host` or all."""
    words = [int(written[i : i + 8], 16) for i in range(0, len(written), 8)]
    address = ip_address(socket.inet_ntop(family, struct.pack(f"={len(words)}I", *words)))
    return address.is_unspecified or ip_address(host).is_unspecified or address == ip_address(host)


def _open_files(process: Path) -> Iterator[str]:
    try:
        for file in (process / "fd").iterdir():
            yield os.readlink(file)
    except OSError:
        return  # it has ended meanwhile, or belongs to somebody else
