"""Parsers of streams, without a socket: what a peer sends comes in pieces, and then the stream ends.

They run as in their probes, under `run_attempt`: every input must come to a success or to a reason. The
reason `error` stands for what nobody has thought of, so here it is a crash.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable, Iterator
from random import Random

from probes.attempt import Attempt, run_attempt
from probes.bytestream import PlainStream
from probes.conversation import LengthOf, Stream
from probes.endpoint import Endpoint
from probes.rtsp.description import find_video
from probes.rtsp.login import choose_login
from probes.rtsp.message import FOREIGN_BYTES, Answer, Garbage, Reader
from probes.sample import Reason
from probes.sip.message import message_length as sip_length
from probes.starttls import UPGRADES
from probes.stun.message import message_length as stun_length
from probes.tcp.dialogue import speak
from probes.tcp.script import parse_script
from tests.fuzz.corpus import captures
from tests.fuzz.datagrams import SIP_WORDS, STUN_WORDS
from tests.fuzz.harness import Case

LONGEST = 131_072
DEADLINE_S = 30.0
MAIL = "expect ^220\nsend EHLO linkwatch-secret\nexpect ^250 HELP\nsend QUIT\nexpect ^221"
TEXT_WORDS = (
    b"\r\n" * 3,
    b"250-STARTTLS\r\n",
    b"220 ",
    b"* OK ",
    b"+OK ",
    b"<stream:error>",
    b"<failure/>",
    b"\x30\x84",
)
RTSP_WORDS = (
    *(
        b"RTSP/1.0 200 OK\r\n",
        b"RTSP/1.0 401 x\r\n",
        b"$\0\xff\xff",
        b"$\0\0\0",
        b"Content-Length: ",
        b"a:\r\n",
    ),
    *(
        b'WWW-Authenticate: Digest realm="',
        b"m=video 0 RTP/AVP 96\r\n",
        b"a=control:",
        b"Session: ",
        b"Transport: ",
    ),
)


def cases() -> tuple[Case, ...]:
    """All of them."""
    framed = {
        "sip": (captures("sip"), sip_length, SIP_WORDS),
        "stun": (captures("stun"), stun_length, STUN_WORDS),
    }
    prefixed = tuple(struct.pack("!H", len(message)) + message for message in captures("dns"))
    with_dns = {**framed, "dns": (prefixed, dns_length, ())}
    return (
        *(
            Case(f"{name} stream", packets, stream_reader(length_of), LONGEST, words)
            for name, (packets, length_of, words) in with_dns.items()
        ),
        *(
            Case(f"starttls {name}", plain_part(name), upgrader(name), LONGEST, TEXT_WORDS)
            for name in UPGRADES
        ),
        Case("tcp dialogue", captures("tcp"), speaker(MAIL), LONGEST, TEXT_WORDS),
        Case("rtsp stream", captures("rtsp"), read_rtsp, LONGEST, RTSP_WORDS),
        Case("rtsp description", descriptions(), read_description, 65_536, RTSP_WORDS),
        Case("rtsp challenge", challenges(), read_challenge, 16_384, (b'="', b'\\"', b"a=", b",")),
    )


_RUNNER = asyncio.Runner()


def measured(steps: Callable[[Attempt], Awaitable[None]]) -> str:
    """How an attempt ends."""
    sample = _RUNNER.run(run_attempt(steps, DEADLINE_S))
    if sample.reason is Reason.ERROR:
        raise AssertionError(sample.detail)
    assert sample.reason is not Reason.TIMEOUT, f"it hangs: {sample.detail}"
    assert sample.detail.isprintable(), "one line for people"
    return str(sample.reason or "good")


def pieces_of(data: bytes) -> Iterator[bytes]:
    """As the network may cut them: mostly whole, sometimes byte by byte where they begin."""
    random = Random(len(data))
    place = 0
    while place < len(data):
        size = random.choice((1, 3, 100, 1460, 65_536))
        yield data[place : place + size]
        place += size


class Tape:
    """A ByteStream of what the peer has said, which then ends."""

    def __init__(self, data: bytes) -> None:
        self._pieces = pieces_of(data)

    async def read(self) -> bytes:
        return next(self._pieces, b"")

    async def write(self, data: bytes) -> None:
        """Nobody listens."""

    def close(self) -> None:
        """There is nothing to let go of."""


class _Deaf:
    """As much of a StreamWriter as PlainStream needs."""

    def write(self, data: bytes) -> None:
        """Nobody listens."""

    async def drain(self) -> None:
        """Nothing waits."""


def plain_stream(data: bytes) -> PlainStream:
    """What asyncio makes of a connection whose peer has said `data` and hung up."""
    reader = asyncio.StreamReader(65_536)
    reader.feed_data(data)
    reader.feed_eof()
    return PlainStream(reader, _Deaf())  # type: ignore[arg-type]


def dns_length(received: bytes) -> int | None:
    return None if len(received) < 2 else 2 + int.from_bytes(received[:2])


def stream_reader(length_of: LengthOf) -> Callable[[bytes], str]:
    """Everything that a conversation over a stream takes for a message."""

    def read(data: bytes) -> str:
        async def steps(_attempt: Attempt) -> None:
            stream = Stream(Tape(data), Endpoint.of(("127.0.0.1", 9)), length_of)
            await stream.ask(b"?", lambda message: message if len(data) % 2 else None)

        return measured(steps)

    return read


def plain_part(name: str) -> tuple[bytes, ...]:
    """What was said before the handshake."""
    return tuple(stream.partition(b"\x16\x03")[0] for stream in captures("starttls", name))


def upgrader(name: str) -> Callable[[bytes], str]:
    async def ask(data: bytes) -> None:
        await UPGRADES[name].ask(plain_stream(data), "portal.test")

    return lambda data: measured(lambda _attempt: ask(data))


def speaker(words: str) -> Callable[[bytes], str]:
    script = parse_script(words)

    def read(data: bytes) -> str:
        return measured(lambda attempt: speak(Tape(data), script, b"\r\n", attempt))

    return read


def read_rtsp(data: bytes) -> str:
    reader, messages = Reader(), 0
    try:
        for piece in pieces_of(data):
            messages += sum(1 for message in reader.feed(piece))
    except Garbage:
        return "garbage"
    return "messages" if messages else "nothing whole"


def _answers() -> Iterator[Answer]:
    for data in captures("rtsp"):
        reader = Reader()
        yield from (message for message in reader.feed(data) if isinstance(message, Answer))


def descriptions() -> tuple[bytes, ...]:
    return tuple({answer.body: None for answer in _answers() if answer.body})


def challenges() -> tuple[bytes, ...]:
    return tuple(
        {text.encode(): None for each in _answers() for text in each.headers.get("www-authenticate", ())}
    )


def read_description(body: bytes) -> str:
    video = find_video(body, "rtsp://127.0.0.1/live")
    if video is None:
        return "no video"
    assert all(
        " " not in url and "\r" not in url and "\n" not in url for url in (video.url, video.session_url)
    )
    return "video"


def read_challenge(text: bytes) -> str:
    challenge = " ".join(text.decode("utf-8", FOREIGN_BYTES).splitlines())
    login = choose_login([challenge, "Nonsense", challenge], "noc", "s3cret")
    if login is None:
        return "no way in"
    header = login.authorize("DESCRIBE", "rtsp://127.0.0.1/live", "0123456789abcdef")
    request = header.encode("utf-8", FOREIGN_BYTES)
    assert not any(byte < 0x20 or byte == 0x7F for byte in request), "it goes into a request"
    return login.scheme
