"""A network of the bench's own, in which tens of thousands of addresses answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

from tests.network import Namespace

FIRST = IPv4Address("10.50.1.1")
ECHO_REQUESTS_SENT, ECHO_REPLIES_SEEN = "OutEchos", "InEchoReps"


def addresses(count: int) -> list[str]:
    """So many addresses that answer inside."""
    return [str(FIRST + i) for i in range(count)]


@contextmanager
def namespace(*, firewall: bool = True) -> Iterator[Namespace]:
    """A fresh namespace; without `firewall` no packet passes a chain of nftables."""
    made = Namespace()
    try:
        if not firewall:
            made.run("nft", "delete", "table", "inet", "lw")
        else:
            made.run("nft", "add set inet lw silent { type ipv4_addr; flags interval; }")
            made.rule("input", "ip daddr @silent drop")
        yield made
    finally:
        made.delete()


def silence(inside: Namespace, *prefixes: str) -> None:
    """Let nothing reach these addresses or prefixes any more."""
    inside.run("nft", f"add element inet lw silent {{ {', '.join(prefixes)} }}")


def heal(inside: Namespace, *prefixes: str) -> None:
    """Undo `silence`."""
    inside.run("nft", f"delete element inet lw silent {{ {', '.join(prefixes)} }}")


class Echoes:
    """The kernel's own ICMP counters (RFC 4293) of a network, from now on."""

    def __init__(self, inside: Namespace) -> None:
        self._inside = inside
        self._before = self._read()

    def sent(self) -> int:
        """Echo requests since the beginning."""
        return self._since(ECHO_REQUESTS_SENT)

    def received(self) -> int:
        """Echo replies since the beginning."""
        return self._since(ECHO_REPLIES_SEEN)

    def _since(self, name: str) -> int:
        return self._read()[name] - self._before[name]

    def _read(self) -> dict[str, int]:
        with self._inside.entered():
            text = Path("/proc/thread-self/net/snmp").read_text()
        names, values = (line.split() for line in text.splitlines() if line.startswith("Icmp:"))
        return {name: int(value) for name, value in zip(names[1:], values[1:], strict=True)}


def write_hosts(file: Path, count: int) -> Path:
    """A file of addresses, one a line, as fping and `linkwatch ping` read it."""
    file.write_text("\n".join(addresses(count)) + "\n")
    return file
