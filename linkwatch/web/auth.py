"""Who asks, whether they may, and how often: the middleware in front of every route."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import math
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import quote

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.typedefs import Handler

from linkwatch.config.settings import ServerSettings
from linkwatch.store.errors import StoreError
from linkwatch.store.keys import Role
from linkwatch.web.access import Access, Caller
from linkwatch.web.limits import TokenBuckets
from linkwatch.web.peer import Peer, check_host, find_peer, same_origin
from linkwatch.web.problem import Problem
from linkwatch.web.services import SERVICES, Services

COOKIE = "linkwatch_key"
"""Where a browser keeps its key after signing in; sent to pages only from our own pages."""

AT_THE_MACHINE = Caller("wall", Role.VIEWER, at_the_machine=True)

REQUESTS_PER_S, REQUEST_BURST = 20.0, 100.0
FAILURES_PER_S, FAILURE_BURST = 0.2, 10.0

_CALLER = web.RequestKey("caller", Caller)


@dataclass(frozen=True, slots=True)
class Gate:
    """What the middleware knows: settings, the access of each route, and who asked how often.

    `proven`: hashes of keys that were good when last asked about; few, since only real keys get in.
    `form_secret`: signs the tokens in forms; new with every start, so forms live as long as the process.
    """

    settings: ServerSettings
    access: dict[web.AbstractRoute, Access] = field(default_factory=dict)
    requests: TokenBuckets = field(default_factory=lambda: TokenBuckets(REQUESTS_PER_S, REQUEST_BURST))
    failures: TokenBuckets = field(default_factory=lambda: TokenBuckets(FAILURES_PER_S, FAILURE_BURST))
    proven: set[bytes] = field(default_factory=set, repr=False)
    form_secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)


GATE = web.AppKey("gate", Gate)


def current_caller(request: web.Request) -> Caller:
    """Who asks, as the middleware found out."""
    return request[_CALLER]


@web.middleware
async def auth_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Lets a request through to its route, or raises the Problem that says why not."""
    gate = request.app[GATE]
    access = gate.access.get(request.match_info.route)
    if access is not None and access.is_open:
        return await handler(request)
    peer = find_peer(request.remote or "", request.headers, request.secure, gate.settings)
    if access is None:
        _limit(gate.requests, f"address {peer.address}")
        return await handler(request)
    try:
        request[_CALLER] = await _authorize(request, gate, access, peer)
    except Problem as problem:
        if problem.status is HTTPStatus.UNAUTHORIZED and access.browser and _is_reading(request):
            raise web.HTTPSeeOther(f"/sign-in?next={quote(request.path)}") from None
        raise
    return await handler(request)


async def _authorize(request: web.Request, gate: Gate, access: Access, peer: Peer) -> Caller:
    token = _token(request, access)
    if token is not None:
        caller = await authenticate(request.app[SERVICES], gate, peer, token)
        _limit(gate.requests, f"key {caller.name}")
    else:
        _limit(gate.requests, f"address {peer.address}")
        caller = _without_key(request, access, peer)
    if caller.role not in access.roles and not (caller.at_the_machine and access.local):
        raise Problem(HTTPStatus.FORBIDDEN, f"The role {caller.role} may not do this.")
    return caller


async def authenticate(services: Services, gate: Gate, peer: Peer, token: str) -> Caller:
    """The caller behind a key. Guessing is slowed down by address, before the store is asked; one stale key
    must not lock out all others behind the same address, so a key that was good a moment ago passes."""
    failures, name = gate.failures, f"address {peer.address}"
    digest = hashlib.sha256(token.encode(errors="replace")).digest()
    if digest not in gate.proven:
        _refuse_for(failures.wait_s(name, _monotonic_s()))
    key = await services.store.find_key(token, services.now()) if token.isascii() else None
    if key is None:
        gate.proven.discard(digest)
        failures.take(name, _monotonic_s())
        raise _key_needed("The key is not known, was revoked, or is past its time.")
    gate.proven.add(digest)
    if services.store.healthy:
        with suppress(StoreError):
            await services.store.touch_key(key, services.now())
    organization = key.organization if key.role is Role.PARTNER else None
    return Caller(key.name, key.role, organization)


def form_token(gate: Gate, caller: Caller, purpose: str) -> str:
    """What a form must carry: only a page of ours, shown to this caller, can hold it."""
    text = f"{caller.role} {caller.name} {purpose}"
    return hmac.digest(gate.form_secret, text.encode(), "sha256").hex()


def check_form(request: web.Request, given: str, purpose: str) -> None:
    """Refuse a form that another site made the browser send."""
    wanted = form_token(request.app[GATE], current_caller(request), purpose)
    if not (same_origin(request.headers) and hmac.compare_digest(given.encode(), wanted.encode())):
        raise Problem(HTTPStatus.FORBIDDEN, "This form is out of date; load the page again.")


def peer_of(request: web.Request) -> Peer:
    """Where the request comes from."""
    return find_peer(request.remote or "", request.headers, request.secure, request.app[GATE].settings)


def _token(request: web.Request, access: Access) -> str | None:
    header = request.headers.get("Authorization")
    if header is None:
        return request.cookies.get(COOKIE) if access.browser else None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise _key_needed("Authorization takes a bearer key: Bearer lw_…")
    return token.strip()


def _without_key(request: web.Request, access: Access, peer: Peer) -> Caller:
    is_client = request.version >= HttpVersion11  # HTTP/1.0 is what nginx's proxy speaks, and no browser
    if not (access.local and peer.is_local and is_client):
        raise _key_needed("A key is needed: Authorization: Bearer lw_…")
    check_host(request.host)
    return AT_THE_MACHINE


def _is_reading(request: web.Request) -> bool:
    """Whether a person's browser asks for a page."""
    return request.method == hdrs.METH_GET and "text/html" in request.headers.get("Accept", "")


def _key_needed(detail: str) -> Problem:
    return Problem(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": 'Bearer realm="linkwatch"'})


def _limit(buckets: TokenBuckets, name: str) -> None:
    _refuse_for(buckets.take(name, _monotonic_s()))


def _refuse_for(wait_s: float) -> None:
    if wait_s > 0:
        after = {"Retry-After": str(math.ceil(wait_s))}
        raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests; slow down.", after)


def _monotonic_s() -> float:
    return asyncio.get_running_loop().time()
