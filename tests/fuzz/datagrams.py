"""Parsers of datagrams: DNS, time, STUN and TURN, SIP, RTP, hops and path MTU.

Whoever answers is taken to know our ids: what is read from an input is what a peer could make us read.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Coroutine
from functools import cache
from ipaddress import ip_address

from probes.attempt import Attempt
from probes.bytestream import quote
from probes.conversation import Accept, Answer, Conversation, Request, T
from probes.dns import Settings as DnsSettings
from probes.dns.expectation import check, question_of
from probes.dns.message import MalformedAnswerError, Question, read_answer
from probes.failure import ProbeError
from probes.icmp.clock import Clock
from probes.ntp.packet import measure, read_reply
from probes.path.answer import Answer as PathAnswer
from probes.path.answer import Sent, read_icmp, read_tcp
from probes.path.flight import Flight
from probes.rtsp.rtp import Look, parse_packet
from probes.sip.message import decode as decode_sip
from probes.stun.message import Attribute, Method, long_term_key
from probes.stun.transaction import RefusedError, ask, read_server
from probes.turn.client import Client
from probes.turn.credentials import Credentials
from tests.fuzz.corpus import captures
from tests.fuzz.harness import Case

KEY = long_term_key("lw", b"lw.test", "secret")
_QUESTIONS = (
    *(("ok.lw.test", kind) for kind in ("A", "AAAA")),
    ("alias.lw.test", "CNAME"),
    ("alias.lw.test", "A"),
    *(("lw.test", kind) for kind in ("MX", "TXT", "SOA", "NS")),
    ("_sip._udp.lw.test", "SRV"),
    ("none.lw.test", "A"),
)


def cases() -> tuple[Case, ...]:
    """All of them."""
    return (
        Case("dns message", captures("dns"), read_dns, words=DNS_WORDS, repair=keep_question),
        Case("ntp packet", captures("ntp"), read_ntp, longest=600),
        Case("stun message", captures("stun", "binding"), read_stun, words=STUN_WORDS, repair=frame_stun),
        Case("turn message", captures("stun", "turn"), read_turn, words=STUN_WORDS, repair=frame_stun),
        Case("sip response", captures("sip"), read_sip, words=SIP_WORDS),
        *(Case(f"rtp packet {name}", rtp_packets(name), rtp_reader(name)) for name in ENCODINGS),
        Case("path icmp v4", captures("path", "v4"), path_reader(4), longest=1280),
        Case("path icmp v6", captures("path", "v6"), path_reader(6), longest=1280),
        Case("path tcp v4", captures("path", "v4-segment"), segment_reader(4), longest=1280),
        Case("path tcp v6", captures("path", "v6-segment"), segment_reader(6), longest=1280),
    )


DNS_WORDS = (b"\xc0\x0c", b"\0\x29\x04\xd0", b"\xc0\0\0\x01\0\x01", b"\xc0\x0c\0\x01\0\x01\0\0\0\x01\0\x04")
STUN_WORDS = tuple(attribute.to_bytes(2, "big") for attribute in Attribute)
SIP_WORDS = (
    b"SIP/2.0 200 OK\r\n",
    b"CSeq: 1 OPTIONS\r\n",
    b"Via: SIP/2.0/UDP x;branch=",
    b"\r\n ",
    b"Content-Length: ",
)
ENCODINGS = {"live": "H264", "live-h265": "H265", "live-jpeg": "JPEG"}


def keep_question(capture: bytes, damaged: bytes) -> bytes:
    """The question is repeated as it should be."""
    end = capture.index(b"\0", 12) + 5
    return capture[:4] + b"\0\1" + damaged[6:12].ljust(6, b"\0") + capture[12:end] + damaged[end:]


def frame_stun(capture: bytes, damaged: bytes) -> bytes:
    """As long as it says, and without the checksum, which need not be there."""
    body = damaged[20:-8]  # without FINGERPRINT
    body += bytes(-len(body) % 4)
    return capture[:2] + (len(body) & 0xFFFC).to_bytes(2, "big") + capture[4:20] + body


@cache
def _questions() -> tuple[tuple[Question, bytes, DnsSettings], ...]:
    found = []
    for name, record in _QUESTIONS:
        settings = DnsSettings(query=name, record=record)
        question = question_of(settings)
        found.append((question, question.make_query()[2:], settings))
    return tuple(found)


def read_dns(message: bytes) -> str:
    result = "not for us"
    for question, query, settings in _questions():
        try:
            answer = read_answer(question, message[:2] + query, message)
        except MalformedAnswerError:
            return "malformed"
        except ValueError:
            continue
        failure = check(answer, settings)
        result = failure.reason if failure else "good"
    return result


def read_ntp(packet: bytes) -> str:
    try:
        reply = read_reply(packet, {packet[24:32]})
    except ValueError:
        return "malformed"
    found = measure(1_800_000_000_000_000_000, 0.01, reply)
    assert abs(found.offset_s) < 2**33, "no era is longer"
    if reply.kiss_code:
        return "kiss"
    return f"reference {bool(reply.reference)}" if reply.is_synchronised else "unsynchronised"


class Peer(Conversation):
    """Answers every request with the same message, knows the id of every request, and signs with `key`."""

    def __init__(self, message: bytes, key: bytes = b"") -> None:
        self._message, self._key = message, key

    async def ask(self, request: Request, accept: Accept[T]) -> Answer[T]:
        assert isinstance(request, bytes)
        message = self._message[:8] + request[8:20] + self._message[20:]
        content = accept(_signed(message, self._key) if self._key else message)
        if content is None:
            raise ValueError("not an answer")
        return Answer(content, 0.0, 0)

    def say(self, request: bytes) -> None:
        """Nobody hears it."""


def _signed(message: bytes, key: bytes) -> bytes:
    length = len(message) - 20 + 24
    if length % 4 or length > 0xFFFF or len(message) < 20:
        return message
    signed = message[:2] + length.to_bytes(2, "big") + message[4:]
    return signed + b"\0\x08\0\x14" + hmac.digest(key, signed, "sha1")


def finish(steps: Coroutine[None, None, str]) -> str:
    """Run what waits for nothing."""
    try:
        steps.send(None)
    except StopIteration as end:
        return str(end.value)
    raise AssertionError("it waits")


def read_stun(message: bytes) -> str:
    return finish(_bind(message))


async def _bind(message: bytes) -> str:
    attempt = Attempt()
    try:
        answer = await ask(Peer(message), Method.BINDING, {})
        read_server(answer.content, attempt)
        if answer.content.kind == 0x110:
            return f"refused {RefusedError(Method.BINDING, answer.content, is_signed=False).reason}"
    except ValueError:
        return "malformed"
    return "good" if "mapped_address" in attempt.facts else "without an address"


def read_turn(message: bytes) -> str:
    return finish(_allocate(message))


async def _allocate(message: bytes) -> str:
    client = Client(Peer(message, KEY), Credentials("lw", "secret"))
    try:
        allocated = await client.allocate()
        return f"good {allocated.address(Attribute.XOR_RELAYED_ADDRESS)}"[:4]
    except ProbeError as error:
        return error.reason
    except ValueError:
        return "malformed"
    finally:
        client.abandon()


def read_sip(message: bytes) -> str:
    try:
        response = decode_sip(message)
    except ValueError:
        return "malformed"
    if response is None:
        return "a request"
    for name in ("branch", "received"):
        response.via_parameter(name)
    quote(response.headers.get("allow", ""))
    return f"{response.status // 100}xx"


def rtp_packets(name: str) -> tuple[bytes, ...]:
    """The video packets in the recording of a camera."""
    found: list[bytes] = []
    (stream,) = captures("rtsp", f"{name}-0")
    place = stream.index(b"$")
    while stream[place : place + 1] == b"$" and len(found) < 8:
        end = place + 4 + int.from_bytes(stream[place + 2 : place + 4], "big")
        if stream[place + 1] == 0 and end <= len(stream):
            found.append(stream[place + 4 : end])
        place = end
    return tuple(found)


def rtp_reader(name: str) -> Callable[[bytes], str]:
    first = parse_packet(rtp_packets(name)[0])
    assert first is not None
    look = Look(first.payload_type, ENCODINGS[name], 0.0)

    def read(data: bytes) -> str:
        nonlocal look
        before = look.foreign
        look.take(data, 1.0)
        assert look.continuity.lost >= 0
        result = "foreign" if look.foreign > before else "video"
        if look.is_flood:
            look = Look(look._payload_type, ENCODINGS[name], 0.0)
        return result

    return read


_SOURCES = {4: ip_address("10.99.100.1"), 6: ip_address("fd99:100::1")}


def path_reader(version: int) -> Callable[[bytes], str]:
    return lambda data: _take_hop(read_icmp(data, _SOURCES[version]))


def segment_reader(version: int) -> Callable[[bytes], str]:
    return lambda data: _take_hop(read_tcp(data, _SOURCES[version]))


def _take_hop(answer: PathAnswer | None) -> str:
    if answer is None:
        return "not for us"
    assert isinstance(answer.sent, Sent)
    clock = Clock().read()
    flight = Flight(answer.sent.destination, answer.sent.method, 1)
    flight.add(answer.sent.serial, 3, clock)
    flight.take(answer, clock.wall, clock)
    flight.trace()
    return str(answer.kind.value)
