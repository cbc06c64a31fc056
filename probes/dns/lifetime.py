"""How long what the resolvers of this machine say of a name holds: a question for whoever asks again.

Which addresses a name has is not asked here: `probes.resolve` does, of all sources of names that the machine
has. What the DNS does not know, such as the names of the hosts file, has no lifetime.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

_TYPES = {4: "A", 6: "AAAA"}


async def lifetime_s(name: str, version: int, deadline_s: float) -> float | None:
    """The least TTL on the way to the addresses of this IP version, as far as a cache has used it up; None
    if the DNS does not tell within the deadline."""
    resolver = await asyncio.to_thread(_resolver)
    return None if resolver is None else await _ask(resolver, name, version, deadline_s)


def _resolver() -> Resolver | None:
    """As resolv.conf has it now, None if it names no server. The library is loaded with the first name."""
    from dns.asyncresolver import Resolver
    from dns.exception import DNSException

    try:
        return Resolver()
    except (DNSException, OSError):
        return None


async def _ask(resolver: Resolver, name: str, version: int, deadline_s: float) -> float | None:
    from dns.exception import DNSException

    try:
        answer = await resolver.resolve(name, _TYPES[version], search=True, lifetime=deadline_s)
    except (DNSException, OSError, ValueError):
        return None
    return float(answer.chaining_result.minimum_ttl)
