"""The probes themselves, over real sockets, against local servers that say what mutation makes of captures.

Many run at once. Every run must end within its deadline, with a success or with a reason that is not `error`;
nothing may hold the loop.
"""

from __future__ import annotations

import asyncio
import gc
import os
import re
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha1
from itertools import islice
from typing import Any, cast

from probes import registry
from probes.jitsi.inside import Inside
from probes.journey import Step
from probes.sample import Reason, Sample, Target
from probes.starttls import UPGRADES
from probes.testing import serve_tcp
from tests.fuzz.corpus import captures
from tests.fuzz.datagrams import DNS_WORDS, SIP_WORDS, STUN_WORDS, frame_stun, keep_question
from tests.fuzz.harness import LARGEST_DATAGRAM, Case, Outcome, resident_mb
from tests.fuzz.meetings import NUMBER_WORDS, XMPP_WORDS
from tests.fuzz.mutation import Repair
from tests.fuzz.streams import LONGEST, MAIL, RTSP_WORDS, TEXT_WORDS, plain_part
from tests.probes.datagrams import serve_udp
from tests.probes.jitsi.platform import CONFIG
from tests.probes.jitsi.platform import PAGE as PLATFORM_PAGE

PER_ROUND = 500
SLACK_S = 3.0
"""How much later than its deadline a run may end on a busy machine."""
HELD_OPEN, BROKEN_OFF = 3, 7
"""Lengths, modulo 20, of inputs after which the server neither speaks nor hangs up, or breaks off."""

Address = Callable[[bytes, bytes], bytes]
"""Makes of a request and an input what a peer would send that knows the ids of the request."""
Turn = Callable[[bytes], list[bytes]]
"""Cuts an input into what is said at once and what is said after each further request."""


@dataclass(frozen=True, slots=True)
class Live:
    """A probe and what its peer says. `host` has `{}` for the port, `near` makes settings of it.
    `speaks_first`: the server does. `is_whole`: no other case has its parser. `datagrams`: how many are
    sent to a request, of which a probe that gives up at the first bad one hears one."""

    name: str
    kind: str
    captures: tuple[bytes, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    is_stream: bool = True
    near: Callable[[int], dict[str, Any]] = lambda port: {}
    host: str = "127.0.0.1:{}"
    deadline_s: float = 0.5
    at_once: int = 64
    datagrams: int = 4
    is_whole: bool = False
    speaks_first: bool = False
    words: tuple[bytes, ...] = ()
    repair: Repair | None = None
    turns: Turn = lambda data: [data]
    address: Address = lambda request, data: data

    def inputs(self, count: int, seed: int) -> Iterator[bytes]:
        longest = LONGEST if self.is_stream else LARGEST_DATAGRAM
        case = Case(self.name, self.captures, repr, longest, self.words, self.repair)
        return case.inputs(count, seed)


class Feed:
    """What is still to be said."""

    def __init__(self, inputs: list[bytes]) -> None:
        self._inputs = inputs
        self.said = 0

    def __bool__(self) -> bool:
        return self.said < len(self._inputs)

    def next(self) -> bytes:
        """Once all has been said, it is said again from the start: no run shall wait for nothing."""
        self.said += 1
        return self._inputs[(self.said - 1) % len(self._inputs)]


def run_live(live: Live, count: int, seed: int = 1) -> Outcome:
    """Let probes hear `count` inputs, many at once."""
    os.environ["RUST_BACKTRACE"] = "0"  # gufo-snmp panics over some inputs, and would explain each at length
    return asyncio.run(_run(live, count, seed))


async def _run(live: Live, count: int, seed: int) -> Outcome:
    outcome, inputs, warm_mb = Outcome(live.name), live.inputs(count, seed), 0.0
    async with _server(live, Feed([live.captures[0]])) as port:
        await _probe_once(live, port, Outcome("what is loaded at first use"))
    while some := list(islice(inputs, PER_ROUND)):
        feed = Feed(some)
        async with _server(live, feed) as port:
            with _longest_hold() as hold:
                await _hear_all(live, feed, port, outcome)
        outcome.inputs += feed.said
        outcome.slowest_s = max(outcome.slowest_s, hold[0])
        warm_mb = warm_mb or resident_mb()
    outcome.growth_mb = max(0.0, resident_mb() - warm_mb)
    return outcome


async def _hear_all(live: Live, feed: Feed, port: int, outcome: Outcome) -> None:
    while feed:
        before = feed.said
        await asyncio.gather(*(_probe_once(live, port, outcome) for _ in range(live.at_once)))
        if feed.said == before:
            raise RuntimeError(f"{live.name}: nobody asks the server: {outcome.results}, {outcome.crashes}")


async def _probe_once(live: Live, port: int, outcome: Outcome) -> None:
    probe = registry.load_sampling(live.kind).probe
    settings = registry.settings_of(live.kind)(**live.settings, **live.near(port))
    try:
        sample = await probe(Target("t", live.host.format(port)), settings, live.deadline_s)
    except Exception as error:
        outcome.crash(b"", f"escaped: {type(error).__name__}: {error}")
        return
    outcome.results[str(sample.reason or "good")] += 1
    if wrong := _wrong(live, sample):
        outcome.crash(b"", wrong)


def _wrong(live: Live, sample: Sample) -> str:
    """What must not be, or nothing."""
    if sample.reason is Reason.ERROR:
        return f"unexplained: {sample.detail}"
    if sample.duration_s > live.deadline_s + SLACK_S:
        return f"late: {sample.duration_s:.1f} s, {sample.detail}"
    texts = (sample.detail, *sample.facts.values())
    return "" if all(text.isprintable() for text in texts) else f"not one line: {sample}"


@contextmanager
def _longest_hold() -> Iterator[list[float]]:
    """The longest CPU time of one callback of the loop, which no probe may hold for long."""
    longest, handles = [0.0], cast(Any, asyncio.events.Handle)
    run = handles._run
    gc.disable()  # it comes when it likes, and would be blamed on whoever runs

    def timed(handle: asyncio.events.Handle) -> None:
        began_s = time.thread_time()
        run(handle)
        if handles._run is timed:  # else it is the one that has ended the measurement
            longest[0] = max(longest[0], time.thread_time() - began_s)

    handles._run = timed
    try:
        yield longest
    finally:
        handles._run = run
        gc.enable()


def _server(live: Live, feed: Feed) -> AbstractAsyncContextManager[int]:
    if live.is_stream:
        return serve_tcp(partial(_speak, live, feed))
    return serve_udp(lambda request: [live.address(request, feed.next()) for _ in range(live.datagrams)])


async def _speak(live: Live, feed: Feed, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    data = feed.next()
    with suppress(OSError):
        for place, said in enumerate(live.turns(data)):
            request = await reader.read(65_536) if place or not live.speaks_first else b""
            writer.write(live.address(request, said))
            await writer.drain()
        await _part(len(data) % 20, reader, writer)


async def _part(way: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if way == HELD_OPEN:
        while await reader.read(65_536):
            pass
    elif way != BROKEN_OFF:
        writer.close()
        await writer.wait_closed()


# What there is


def lives() -> tuple[Live, ...]:
    """All of them."""
    return (*_web(), *_conversations(), *_secured(), *_cameras(), *_agents(), *_meetings())


_PAGE: dict[str, Any] = {
    "body_matches": "Xin chào|token",
    "json_matches": {"access.token": "t0"},
    "max_redirects": 3,
}
_STEPS = (
    Step(name="first", carry={"v": r'regex:(\w+)"', "link": "json:link"}),
    Step(name="second", url="{{link}}", carry={"away": "header:Location"}),
    Step(name="third", url="/x/{{v}}", headers={"X-V": "{{v}}"}),
)
_HTTP_WORDS = (
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"Content-Encoding: gzip\r\n", b"a: b\r\n"),
    *(
        b"Transfer-Encoding: chunked\r\n",
        b"Set-Cookie: a=b; Domain=x\r\n",
        b"Location: //x\r\n",
        b"ffffffff\r\n",
    ),
    *(
        b"Content-Type: text/html; charset=punycode\r\n",
        b"Content-Length: 99999999999\r\n",
        b"Connection: upgrade\r\n",
    ),
    *(b'WWW-Authenticate: Digest realm="x", nonce="', b"qop=auth-int, ", b"algorithm=SHA-512-256, "),
)


def _web() -> Iterator[Live]:
    login = {"username": "noc", "password": "s3cret-pw", "scheme": "digest"}
    web = partial(Live, host="http://127.0.0.1:{}/", words=_HTTP_WORDS)
    pages = (*captures("http", "page"), *captures("http", "json"))
    yield web("http page", "http", (*pages, *captures("http", "away")), _PAGE, is_whole=True)
    yield web("http login", "http", captures("http", "digest"), login, is_whole=True)
    yield web("http proxy", "http", captures("http", "proxy"), near=_proxy)
    yield web(
        "http tunnel",
        "http",
        captures("http", "proxy"),
        near=_proxy,
        host="https://127.0.0.1:9/",
        is_whole=True,
    )
    yield web("journey", "journey", pages, {"steps": _STEPS})


def _conversations() -> Iterator[Live]:
    yield Live("sip udp", "sip", captures("sip"), is_stream=False, words=SIP_WORDS, address=_as_sip)
    yield Live("sip tcp", "sip", captures("sip"), {"transport": "tcp"}, words=SIP_WORDS, address=_as_sip)
    stun = partial(Live, words=STUN_WORDS, repair=frame_stun, address=_as_stun)
    yield stun("stun udp", "stun", captures("stun", "binding"), is_stream=False)
    yield stun("stun tcp", "stun", captures("stun", "binding"), {"transport": "tcp"})
    user = {"user": "lw", "password": "secret"}
    yield stun("turn udp", "turn", captures("stun", "turn"), user, is_stream=False)
    yield stun("turn tcp", "turn", captures("stun", "turn"), {**user, "transport": "tcp"})
    mx = captures("dns", "mx")
    asked = {"query": "lw.test", "record": "MX"}
    yield Live("dns udp", "dns", mx, asked, False, words=DNS_WORDS, repair=keep_question, address=_as_dns)
    asked = {**asked, "transport": "tcp"}
    yield Live("dns tcp", "dns", mx, asked, words=DNS_WORDS, repair=keep_question, address=_as_dns_stream)
    yield Live("ntp", "ntp", captures("ntp"), is_stream=False, address=_as_ntp)
    yield Live(
        "tcp dialogue", "tcp", captures("tcp"), {"dialogue": MAIL}, speaks_first=True, words=TEXT_WORDS
    )


def _secured() -> Iterator[Live]:
    yield Live("tls handshake", "tls", captures("tls", "handshake"), is_whole=True)
    for name in UPGRADES:
        greets = name in ("smtp", "imap", "pop3")
        handshake = captures("tls", "handshake")[0]
        said = tuple(plain + handshake for plain in plain_part(name))
        yield Live(f"starttls {name}", "tls", said, {"starttls": name}, speaks_first=greets, words=TEXT_WORDS)


def _cameras() -> Iterator[Live]:
    look = {"path": "/live", "watch_s": 1.0, "frozen_after_s": 0.5}
    camera = partial(
        Live, kind="rtsp", words=RTSP_WORDS, deadline_s=2.0, at_once=250, turns=_by_answer, address=_as_rtsp
    )
    yield camera("rtsp", captures=captures("rtsp", "live"), settings=look)
    logins = (*captures("rtsp", "digest"), *captures("rtsp", "basic"))
    yield camera("rtsp login", captures=logins, settings={**look, "user": "cam", "password": "s3cret"})


def _agents() -> Iterator[Live]:
    quick = {"request_timeout_s": 0.1, "retries": 0}
    agent = partial(
        Live, kind="snmp", is_stream=False, datagrams=1, deadline_s=1.0, address=_as_snmp, is_whole=True
    )
    yield agent("snmp v1", captures=captures("snmp", "v1"), settings={**quick, "version": "1"})
    yield agent("snmp v2c", captures=captures("snmp", "v2c"), settings=quick)
    user = {"version": "3", "user": "bob", "auth_protocol": "sha256", "auth_password": "authpass123"}
    yield agent("snmp v3", captures=captures("snmp", "v3"), settings={**quick, **user})


def _proxy(port: int) -> dict[str, Any]:
    return {"proxy": f"http://127.0.0.1:{port}"}


def _meetings() -> Iterator[Live]:
    meeting = partial(Live, kind="jitsi", host="http://127.0.0.1:{}/", words=XMPP_WORDS, address=_as_platform)
    for name, who in (("guest", {}), ("user", {"user": "lw", "password": "m4t-khau"})):
        known = {"media_port": 0, **who}
        yield meeting(f"jitsi {name}", captures=captures("jitsi", name), settings=known)
    endpoints = (*captures("jitsi", "bridge"), *captures("jitsi", "jicofo"), *captures("jitsi", "prosody"))
    told = captures("jitsi", "prometheus")
    inside = partial(
        Live, kind="jitsi", settings={"media_port": 0}, host="http://127.0.0.1:{}/", deadline_s=1.0
    )
    yield inside("jitsi inside", captures=endpoints, near=_endpoints, words=NUMBER_WORDS)
    yield inside("jitsi prometheus", captures=told, near=_prometheus, words=NUMBER_WORDS)


def _endpoints(port: int) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}"
    return {"inside": (Inside(bridges=(url,), jicofo=url, prosody=url),)}


def _prometheus(port: int) -> dict[str, Any]:
    return {"inside": (Inside(prometheus=f"http://127.0.0.1:{port}", prometheus_bridges='job="jvb"'),)}


# Who knows the ids of a request

_BRANCH, _SEQUENCE = re.compile(rb"z9hG4bK[0-9a-f]{32}"), re.compile(rb"CSeq: (\d+)")
_REQUEST_ID = re.compile(rb"[\xa0-\xa8](?:[\0-\x7f]|\x81.|\x82..)\x02([\1-\4])", re.DOTALL)


def _as_sip(request: bytes, data: bytes) -> bytes:
    branch = _BRANCH.search(request)
    return _BRANCH.sub(branch[0], data) if branch else data


def _as_stun(request: bytes, data: bytes) -> bytes:
    return data[:8] + request[8:20] + data[20:]


def _as_dns(request: bytes, data: bytes) -> bytes:
    return request[:2] + data[2:]


def _as_dns_stream(request: bytes, data: bytes) -> bytes:
    message = _as_dns(request[2:], data)[:65_535]
    return len(message).to_bytes(2, "big") + message


def _as_ntp(request: bytes, data: bytes) -> bytes:
    return data[:24] + request[40:48] + data[32:]


def _by_answer(data: bytes) -> list[bytes]:
    """A camera says one answer after each request."""
    return [part for part in re.split(rb"(?=RTSP/1\.0 )", data) if part] or [data]


def _as_rtsp(request: bytes, data: bytes) -> bytes:
    asked = _SEQUENCE.search(request)
    return _SEQUENCE.sub(asked[0], data, count=1) if asked else data


def _as_snmp(request: bytes, data: bytes) -> bytes:
    """With the request's id, where both are of one length."""
    asked, said = _REQUEST_ID.search(request), _REQUEST_ID.search(data)
    if asked is None or said is None or asked[1] != said[1]:
        return data
    size = asked[1][0]
    return data[: said.end()] + request[asked.end() : asked.end() + size] + data[said.end() + size :]


_KEY, _ACCEPT = re.compile(rb"Sec-WebSocket-Key: (\S+)"), re.compile(rb"Sec-WebSocket-Accept: \S+")
_IDENTITY = re.compile(rb"id='([0-9a-f]{16})'")
_WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


def _as_platform(request: bytes, data: bytes) -> bytes:
    """Page and config.js are as they should be: they lead to signalling, which is not."""
    for place, body in ((b"GET / ", PLATFORM_PAGE), (b"GET /config.js", CONFIG.replace("wss:", "ws:"))):
        if request.startswith(place):
            content = body.encode()
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content)
    if key := _KEY.search(request):
        accept = b64encode(sha1(key[1] + _WEBSOCKET_GUID, usedforsecurity=False).digest())
        data = _ACCEPT.sub(b"Sec-WebSocket-Accept: " + accept, data)
    asked = _IDENTITY.search(request)
    return _IDENTITY.sub(asked[0], data) if asked else data
