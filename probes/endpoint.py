"""An address and a port, as people write them."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, NamedTuple

from probes.sample import IPAddress


class Endpoint(NamedTuple):
    """One end of a conversation."""

    address: IPAddress
    port: int

    @classmethod
    def of(cls, name: tuple[Any, ...]) -> Endpoint:
        """The endpoint in what `getsockname` gives."""
        return cls(ip_address(name[0]), name[1])

    def __str__(self) -> str:
        return f"{bracketed(self.address)}:{self.port}"


def bracketed(address: IPAddress) -> str:
    """An address as it stands in a URI."""
    return f"[{address.compressed}]" if address.version == 6 else str(address)
