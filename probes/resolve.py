"""From a host to the addresses that may be probed: literals, names under a deadline, and the scope."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from probes.failure import ProbeError
from probes.sample import IPAddress, Reason, Target

_LONGEST_LITERAL = 80  # IPv6 in brackets, with a zone (RFC 4007)

_LONGEST_NAME = 253  # RFC 1035, 2.3.4

_lookups: dict[tuple[asyncio.AbstractEventLoop, str], asyncio.Future[tuple[IPAddress, ...]]] = {}


class ResolveError(ProbeError):
    """No address that may be probed. `reason`: resolve, permission when all lie outside the scope, exhausted
    when this machine could not ask."""


def parse_address(host: str) -> IPAddress | None:
    """An address literal, with or without the brackets that URLs put around IPv6."""
    return _parse_literal(host) if len(host) <= _LONGEST_LITERAL else None


@lru_cache(maxsize=4096)
def _parse_literal(host: str) -> IPAddress | None:
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def split_host_port(text: str, default_port: int) -> tuple[str, int]:
    """`host`, `host:port`, `::1`, `[::1]` or `[::1]:port`; or a URL, whose port is the web's alone."""
    if "://" in text:
        return _split_url(text)[0], default_port
    if text.count(":") > 1 and not text.startswith("["):
        return text, default_port
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        return text.strip("[]"), default_port
    if not (port.isdigit() and 1 <= int(port) <= 65535):
        raise ResolveError(Reason.RESOLVE, f"{port!r} is not a port")
    return host.strip("[]"), int(port)


def port_of_url(text: str) -> int | None:
    """The port that is written in a URL, if `text` is one."""
    return _split_url(text)[1] if "://" in text else None


async def resolve(target: Target, host: str) -> tuple[IPAddress, ...]:
    """The addresses of `host` inside the target's scope, in the resolver's order; raises ResolveError."""
    addresses = await _addresses_of(host)
    allowed = tuple(address for address in addresses if target.allows(address))
    if not allowed:
        raise _outside(host, addresses)
    return allowed


async def resolve_all(target: Target, host: str) -> tuple[IPAddress, ...]:
    """As `resolve`, where somebody else will choose among the addresses: all must lie in the scope."""
    addresses = await _addresses_of(host)
    if not all(map(target.allows, addresses)):
        raise _outside(host, addresses)
    return addresses


async def resolve_one(target: Target, host: str) -> IPAddress:
    """The first address of `host` inside the target's scope; raises ResolveError."""
    return (await resolve(target, host))[0]


def _split_url(text: str) -> tuple[str, int | None]:
    try:
        url = urlsplit(text)
        if url.hostname:
            return url.hostname, url.port
    except ValueError:
        pass
    raise ResolveError(Reason.RESOLVE, "the address is a URL without a host or with a wrong port")


def _outside(host: str, addresses: tuple[IPAddress, ...]) -> ResolveError:
    return ResolveError(Reason.PERMISSION, f"{host} is outside the scope ({', '.join(map(str, addresses))})")


async def _addresses_of(host: str) -> tuple[IPAddress, ...]:
    literal = parse_address(host)
    if literal is None and len(host) > _LONGEST_NAME:
        raise ResolveError(Reason.RESOLVE, f"{host[:40]}…: no host name is that long")
    return (literal,) if literal is not None else await _look_up(host)


async def _look_up(host: str) -> tuple[IPAddress, ...]:
    """Ask the system's resolver; lookups of one name that overlap share one thread.

    A thread of its own, for a resolver that hangs would fill the loop's pool and stop every other
    lookup; a daemon, for it must not hold up the end of the process.
    """
    key = (asyncio.get_running_loop(), host)
    lookup = _lookups.get(key)
    if lookup is None:
        lookup = key[0].create_future()
        try:
            threading.Thread(target=_run_lookup, args=(host, key[0], lookup), daemon=True).start()
        except RuntimeError:
            raise ResolveError(Reason.EXHAUSTED, "no thread is left to look a name up") from None
        _lookups[key] = lookup
        lookup.add_done_callback(lambda done: (_lookups.pop(key, None), done.exception()))
    return await asyncio.shield(lookup)


def _run_lookup(
    host: str, loop: asyncio.AbstractEventLoop, lookup: asyncio.Future[tuple[IPAddress, ...]]
) -> None:
    outcome: tuple[IPAddress, ...] | ResolveError
    try:
        entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        outcome = tuple(dict.fromkeys(ip_address(entry[4][0]) for entry in entries))
    except (OSError, UnicodeError, ValueError) as error:
        outcome = ResolveError(Reason.RESOLVE, f"{host}: {getattr(error, 'strerror', None) or error}")
    with suppress(RuntimeError):  # nobody waits any more: the loop is closed
        loop.call_soon_threadsafe(_finish, lookup, outcome)


def _finish(
    lookup: asyncio.Future[tuple[IPAddress, ...]], outcome: tuple[IPAddress, ...] | ResolveError
) -> None:
    if lookup.done():
        return
    if isinstance(outcome, ResolveError):
        lookup.set_exception(outcome)
    else:
        lookup.set_result(outcome)
