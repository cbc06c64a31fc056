"""STARTTLS: a server that begins in plain text is asked to go on in TLS.

Nothing that the peer sends in plain text after its consent is ever taken for content: it all goes into the
handshake, which then fails (RFC 3207, 6; CVE-2011-0411).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from probes.bytestream import PlainStream, quote
from probes.failure import ProbeError
from probes.sample import Reason

_MOST_LINES = 100
_LDAP_OID = b"1.3.6.1.4.1.1466.20037"  # RFC 4511, 4.14
_LDAP_NAME = bytes([0x80, len(_LDAP_OID)]) + _LDAP_OID
_LDAP_REQUEST = bytes([0x30, 5 + len(_LDAP_NAME), 2, 1, 1, 0x77, len(_LDAP_NAME)]) + _LDAP_NAME
_LDAP_ANSWER = re.compile(rb"\x02\x01\x01\x78(?:[^\x80-\xff]|[\x81-\x84].{1,4}?)\x0a\x01(.)", re.DOTALL)
_LONGEST_LDAP_ANSWER = 4096


class Upgrade(NamedTuple):
    """The port that a protocol has for plain text, and how to ask there: `ask(stream, name of server)`."""

    port: int
    ask: Callable[[PlainStream, str], Awaitable[None]]


async def _ask_smtp(stream: PlainStream, _name: str) -> None:
    """RFC 3207."""
    await _smtp_reply(stream, "220", "its greeting")
    await stream.write(b"EHLO linkwatch\r\n")
    offers = await _smtp_reply(stream, "250", "EHLO")
    if not any(line[4:].strip().upper() == "STARTTLS" for line in offers):
        raise _not_offered()
    await stream.write(b"STARTTLS\r\n")
    await _smtp_reply(stream, "220", "STARTTLS")


async def _smtp_reply(stream: PlainStream, code: str, to: str) -> list[str]:
    """The lines of one reply, all but the last of which have a dash behind the code (RFC 5321, 4.2.1)."""
    lines = []
    for _ in range(_MOST_LINES):
        lines.append(await stream.read_line())
        if lines[-1][3:4] != "-":
            break
    if lines[-1][:3] != code or lines[-1][3:4] == "-":
        raise _refused(to, lines[-1])
    return lines


async def _ask_imap(stream: PlainStream, _name: str) -> None:
    """RFC 3501, 6.2.1."""
    greeting = await stream.read_line()
    if not greeting.upper().startswith("* OK"):
        raise _refused("its greeting", greeting)
    await stream.write(b"lw STARTTLS\r\n")
    for _ in range(_MOST_LINES):
        line = await stream.read_line()
        if not line.startswith("* "):
            break
    if not line.upper().startswith("LW OK"):
        raise _refused("STARTTLS", line)


async def _ask_pop3(stream: PlainStream, _name: str) -> None:
    """RFC 2595, 4."""
    for said, to in ((b"", "its greeting"), (b"STLS\r\n", "STLS")):
        await stream.write(said)
        line = await stream.read_line()
        if not line.startswith("+OK"):
            raise _refused(to, line)


async def _ask_xmpp(stream: PlainStream, name: str) -> None:
    """RFC 6120, 5.4. Only the marks of the few elements are looked for: nothing of the XML is interpreted."""
    opening = (
        f"<?xml version='1.0'?><stream:stream to={quoteattr(name)} version='1.0' "
        "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
    )
    await stream.write(opening.encode())
    offers = await _tags_until(stream, (b"</stream:features>", b"features/>"), "the stream")
    if not any(b"starttls" in tag for tag in offers):
        raise _not_offered()
    await stream.write(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    await _tags_until(stream, (b"-tls'/>", b'-tls"/>', b"</proceed>"), "STARTTLS")


async def _tags_until(stream: PlainStream, ends: tuple[bytes, ...], to: str) -> list[bytes]:
    tags = []
    for _ in range(_MOST_LINES):
        tags.append(await stream.read_until(b">"))
        if b"<stream:error" in tags[-1]:
            tags[-1] += await stream.read_until(b">")  # which error it is
            break
        if b"<failure" in tags[-1]:
            break
        if tags[-1].endswith(ends):
            return tags
    raise _refused(to, tags[-1].decode("utf-8", "replace"))


async def _ask_ldap(stream: PlainStream, _name: str) -> None:
    """RFC 4511, 4.14: an extended request, whose response carries resultCode 0."""
    await stream.write(_LDAP_REQUEST)
    tag, length = await stream.read_exactly(2)
    if 0x80 < length <= 0x84:
        length = int.from_bytes(await stream.read_exactly(length - 0x80), "big")
    if tag != 0x30 or length > _LONGEST_LDAP_ANSWER:
        raise ProbeError(Reason.PROTOCOL, "the answer to STARTTLS is not LDAP")
    answer = _LDAP_ANSWER.match(await stream.read_exactly(length))
    if answer is None or answer[1] != b"\0":
        said = f"result {answer[1][0]}" if answer else "not what was asked for"
        raise ProbeError(Reason.PROTOCOL, f"the server's answer to STARTTLS: {said}")


def _refused(to: str, line: str) -> ProbeError:
    return ProbeError(Reason.PROTOCOL, f"the server's answer to {to}: {quote(line) or 'nothing'}")


def _not_offered() -> ProbeError:
    return ProbeError(Reason.PROTOCOL, "the server does not offer STARTTLS")


UPGRADES: Mapping[str, Upgrade] = {
    "smtp": Upgrade(25, _ask_smtp),
    "imap": Upgrade(143, _ask_imap),
    "pop3": Upgrade(110, _ask_pop3),
    "xmpp": Upgrade(5222, _ask_xmpp),
    "ldap": Upgrade(389, _ask_ldap),
}
"""Protocols by name."""
