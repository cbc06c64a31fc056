"""Servers that answer signalling in the wrong way: each a reason, none an exception, none a hang."""

from __future__ import annotations

import hashlib
import hmac
import threading
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from aiohttp import WSMsgType, web
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from probes.attempt import Attempt, run_attempt
from probes.http.access import AccessSettings
from probes.http.client import Client
from probes.jitsi.bosh import BoshStream
from probes.jitsi.login import log_in
from probes.jitsi.relays import read_relays
from probes.jitsi.sasl import Account, SaslError, Scram, choose
from probes.jitsi.stanza import CLIENT, FRAMING, SASL, SERVICES, STREAMS, MalformedStanza, parse
from probes.jitsi.stream import StanzaStream, request
from probes.jitsi.websocket import WebsocketStream
from probes.sample import Reason, Sample, Target
from tests.probes.http.pages import Handle, serve

OPEN = f"<open xmlns='{FRAMING}' version='1.0'/>"
FEATURES = f"<s:features xmlns:s='{STREAMS}'><mechanisms xmlns='{SASL}'>{{}}</mechanisms></s:features>"
GUESTS = FEATURES.format("<mechanism>ANONYMOUS</mechanism>")
BODY = "<body xmlns='http://jabber.org/protocol/httpbind' sid='s'>{}</body>"
GUEST = Account("meet.test")
USER = Account("meet.test", "lw", "m4t-khau")


def says(*messages: str, protocol: str = "xmpp") -> Handle:
    """A websocket that says one message after the other, each to one of ours."""

    async def handle(asked: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=(protocol,))
        await socket.prepare(asked)
        for message in messages:
            received = await socket.receive()
            if received.type is not WSMsgType.TEXT:
                break
            await socket.send_str(message)
        await socket.close()
        return socket

    return handle


def posts(*bodies: str, status: int = 200) -> Handle:
    """BOSH that answers so, and with the last one for ever."""
    left = list(bodies)

    async def handle(_: web.Request) -> web.Response:
        return web.Response(status=status, text=left.pop(0) if len(left) > 1 else left[0])

    return handle


@asynccontextmanager
async def stream_to(kind: type[StanzaStream], url: str, attempt: Attempt) -> AsyncIterator[StanzaStream]:
    async with Client(Target("t", "127.0.0.1"), AccessSettings(), URL(url), attempt) as client:
        stream = kind(client, URL(url), "meet.test")  # type: ignore[call-arg]
        try:
            yield stream
        finally:
            await stream.close()


async def attempt_at(kind: type[StanzaStream], handle: Handle, account: Account | None = None) -> Sample:
    async with serve({"/x": handle}) as url:

        async def steps(attempt: Attempt) -> None:
            async with stream_to(kind, f"{url}/x", attempt) as stream:
                features = await stream.open()
                if account is not None:
                    await log_in(stream, features, account, may_tell=False)

        return await run_attempt(steps, 3.0)


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        (("hello",), "the server speaks no XMPP: not well-formed XML"),
        (("<open/>",), "the server opens no stream"),
        ((), "the server closed the websocket"),
        ((f"<close xmlns='{FRAMING}'/>",), "the server closed the websocket"),
        (("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",), "no XMPP: a document type, which XMPP forbids"),
        (("<a>" * 100,), "no XMPP: too many elements within one"),
        (("x" * 300_000,), "that is no XMPP, or too long"),
    ],
)
async def test_a_websocket_that_speaks_something_else_is_told(messages: tuple[str, ...], why: str) -> None:
    sample = await attempt_at(WebsocketStream, says(*messages))
    assert sample.reason is Reason.PROTOCOL
    assert why in sample.detail


async def test_a_websocket_of_another_protocol_is_told() -> None:
    sample = await attempt_at(WebsocketStream, says(protocol="chat"))
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, "a websocket that does not speak xmpp")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (
            "It works! Now point your BOSH client to this URL",
            "the server speaks no XMPP: not well-formed XML",
        ),
        ("<html/>", "no BOSH answer, but html"),
        (BODY.replace("sid='s'", "").format(""), "the server gives no BOSH session"),
        (BODY.format("<a/>"), "the server does not say what it offers"),
        (
            BODY.replace("sid", "type='terminate' condition='host-gone' x").format(""),
            "BOSH session: host-gone",
        ),
        ("x" * 1_200_000, "a BOSH answer without an end"),
        ("y" * 400_000, "more than 262144 bytes in one element"),
    ],
)
async def test_bosh_that_speaks_something_else_is_told(body: str, why: str) -> None:
    sample = await attempt_at(BoshStream, posts(body))
    assert sample.reason is Reason.PROTOCOL
    assert why in sample.detail


async def test_bosh_that_has_nothing_to_say_is_not_asked_without_end() -> None:
    asked: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(await request.text())
        return web.Response(text=BODY.format(""))

    sample = await attempt_at(BoshStream, handle)
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, "20 BOSH answers at once, and nothing in them")
    assert len(asked) <= 22


async def test_bosh_behind_a_login_is_a_matter_of_the_login() -> None:
    sample = await attempt_at(BoshStream, posts("", status=403))
    assert (sample.reason, sample.detail) == (Reason.AUTH, "no BOSH (status 403)")


@pytest.mark.parametrize(
    ("answers", "account", "reason", "why"),
    [
        ((GUESTS, "<hm/>"), GUEST, Reason.PROTOCOL, "an answer that belongs to no log-in"),
        ((GUESTS, f"<challenge xmlns='{SASL}'/>"), GUEST, Reason.PROTOCOL, "a challenge where there is none"),
        (
            (GUESTS, f"<failure xmlns='{SASL}'><temporary-auth-failure/></failure>"),
            GUEST,
            Reason.PROTOCOL,
            "refuses the log-in (temporary-auth-failure)",
        ),
        ((FEATURES.format(""),), GUEST, Reason.PROTOCOL, "meet.test offers no log-in here"),
        (
            (FEATURES.format("<mechanism>PLAIN</mechanism>"),),
            USER,
            Reason.PROTOCOL,
            "lw@meet.test: no safe way to log in, only PLAIN",
        ),
        (
            (FEATURES.format("<mechanism>SCRAM-SHA-1</mechanism>"), f"<success xmlns='{SASL}'/>"),
            USER,
            Reason.PROTOCOL,
            "the server does not prove that it knows the password",
        ),
    ],
)
async def test_a_log_in_that_goes_wrong_is_told(
    answers: tuple[str, ...], account: Account, reason: Reason, why: str
) -> None:
    sample = await attempt_at(WebsocketStream, says_after_open(*answers), account)
    assert sample.reason is reason
    assert why in sample.detail


def says_after_open(features: str, *answers: str) -> Handle:
    async def handle(asked: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("xmpp",))
        await socket.prepare(asked)
        await socket.receive()
        await socket.send_str(OPEN)
        await socket.send_str(features)
        for answer in answers:
            await socket.receive()
            await socket.send_str(answer)
        await socket.receive()
        await socket.close()
        return socket

    return handle


class Deaf:
    """A stream that says what it was given, whatever it is asked."""

    url, domain = URL("wss://meet.test/x"), "meet.test"

    def __init__(self, *said: str) -> None:
        self._said = [parse(text) for text in said]

    async def open(self) -> Element:
        raise AssertionError("not its part here")

    async def send(self, stanza: str) -> None:
        self._identity = parse(stanza).get("id", "")

    async def receive(self) -> Element:
        stanza = self._said.pop(0) if len(self._said) > 1 else self._said[0]
        if stanza.get("id") == "ours":
            stanza.set("id", self._identity)
        return stanza

    async def close(self) -> None:
        raise AssertionError("not its part here")


async def test_an_answer_counts_only_if_it_is_ours_and_of_whom_was_asked() -> None:
    iq = f"<iq xmlns='{CLIENT}' type='result' from='{{}}' id='{{}}'/>"
    good = iq.format("focus.test", "ours")
    others = [
        iq.format("focus.test", "other"),
        iq.format("evil.test", "ours"),
        "<iq type='result' id='ours'/>",
    ]
    answer = await request(Deaf(*others, good), "get", "focus.test", "<ping/>")
    assert answer.get("from") == "focus.test"


async def test_a_flood_of_other_stanzas_comes_to_an_end() -> None:
    sample = await run_attempt(lambda _: request(Deaf("<message/>"), "get", "a", ""), 5.0)  # type: ignore[arg-type, return-value]
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, "100 stanzas, none of them the answer")


def test_scram_proves_what_the_rfcs_have_as_an_example() -> None:
    """RFC 5802, 5 and RFC 7677, 3."""
    account = Account("x", "user", "pencil")
    first = Scram("SCRAM-SHA-1", account, "fyko+d2lbbFgONRv9qkxdawL")
    assert first.first == b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"
    said = first.answer(b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096")
    assert said.endswith(b",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=")
    first.check(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")
    second = Scram("SCRAM-SHA-256", account, "rOprNGfwEbeRWgbNEkqO")
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    said = second.answer(f"r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".encode())
    assert said.endswith(b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    second.check(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


async def test_a_server_that_has_us_count_long_holds_up_nothing_else() -> None:
    def most(challenge: str) -> str:
        nonce = b64decode(parse(challenge).text or "").rpartition(b"r=")[2]
        said = b"r=" + nonce + b"x,s=QQ==,i=100000"
        return f"<challenge xmlns='{SASL}'>{b64encode(said).decode()}</challenge>"

    async def handle(asked: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("xmpp",))
        await socket.prepare(asked)
        await socket.receive()
        await socket.send_str(OPEN)
        await socket.send_str(FEATURES.format("<mechanism>SCRAM-SHA-256</mechanism>"))
        await socket.send_str(most((await socket.receive()).data))
        await socket.receive()
        await socket.close()
        return socket

    threads: list[str] = []

    def counted(*given: Any) -> bytes:
        threads.append(threading.current_thread().name)
        return derive(*given)

    derive = hashlib.pbkdf2_hmac
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashlib, "pbkdf2_hmac", counted)
        sample = await attempt_at(WebsocketStream, handle, USER)
    assert sample.detail == "the server closed the websocket"
    assert (len(threads), "MainThread" in threads) == (1, False)


@pytest.mark.parametrize(
    "challenge",
    [
        b"",
        b"\xff",
        b"r=other,s=QQ==,i=1",
        b"r=ab,s=QQ==,i=1",
        b"r=abc,s=!,i=1",
        b"r=abc,s=QQ==,i=0",
        b"r=abc,s=QQ==,i=1000000000",
        b"r=abc,s=QQ==,i=\xd9\xa1",
        b"r=abc" * 2000,
    ],
)
def test_a_challenge_made_for_it_gets_no_proof(challenge: bytes) -> None:
    with pytest.raises(SaslError):
        Scram("SCRAM-SHA-1", USER, "ab").answer(challenge)


def test_the_password_itself_is_shown_only_where_that_is_allowed() -> None:
    assert choose(USER, ["PLAIN"], may_tell=False) is None
    plain = choose(USER, ["PLAIN"], may_tell=True)
    assert plain is not None
    assert plain.first == b"\0lw\0m4t-khau"
    assert "m4t-khau" not in repr(USER) + repr(plain)
    best = choose(USER, ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"], may_tell=True)
    assert best is not None
    assert best.name == "SCRAM-SHA-256"


def test_relays_that_make_no_sense_are_left_out() -> None:
    services = "".join(
        f"<service {attributes}/>"
        for attributes in (
            "type='turn' host='a.test' port='3478' transport='udp' username='u' password='p'",
            "type='turns' host='a.test'",
            "type='stun' host='2001:db8::1' port='99999'",
            "type='ftp' host='a.test'",
            "type='stun' host=''",
            "type='stun' host='2001:db8::1'",
            f"type='turn' host='b.test' username='{'u' * 500}'",
        )
    )
    answer = parse(f"<iq xmlns='{CLIENT}'><services xmlns='{SERVICES}'>{services}</services></iq>")
    assert [str(relay) for relay in read_relays(answer)] == [
        "turn:a.test:3478?transport=udp",
        "turns:a.test:5349?transport=tcp",
        "stun:[2001:db8::1]:3478?transport=udp",
    ]


@given(st.binary(max_size=200))
def test_no_bytes_bring_the_stanza_reader_down(data: bytes) -> None:
    for given_bytes in (data, b"<a xmlns='b'>" + data + b"</a>"):
        with suppress(MalformedStanza):
            parse(given_bytes)


def test_the_server_s_signature_is_that_of_the_same_secret() -> None:
    """What `check` compares with, made here from its definition."""
    scram = Scram("SCRAM-SHA-1", USER, "ab")
    said = scram.answer(b"r=abc,s=QQ==,i=2").decode()
    salted = hashlib.pbkdf2_hmac("sha1", b"m4t-khau", b64decode("QQ=="), 2)
    signed = f"n=lw,r=ab,r=abc,s=QQ==,i=2,{said[: said.index(',p=')]}".encode()
    signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha1"), signed, "sha1")
    scram.check(b"v=" + b64encode(signature))
    with pytest.raises(SaslError):
        scram.check(b"v=" + b64encode(bytes(20)))
