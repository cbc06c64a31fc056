"""A stream of XMPP stanzas, over BOSH or over a websocket alike.

The kept libraries do not serve here: slixmpp and aioxmpp speak plain streams alone, nbxmpp needs GLib's loop.
What the probe says is a handful of elements, so they stand in these modules, over aiohttp.
"""

from __future__ import annotations

import secrets
from typing import Protocol
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from yarl import URL

from probes.failure import ProbeError
from probes.jitsi.stanza import (
    CLIENT,
    STANZAS,
    STREAM_ERRORS,
    STREAMS,
    MalformedStanza,
    condition_of,
    parse,
    words_of,
)
from probes.sample import Reason

_MOST_OTHERS = 100


class StanzaStream(Protocol):
    """A stream to one XMPP domain. Every call raises ProbeError, OSError."""

    url: URL
    domain: str

    async def open(self) -> Element:
        """Begin, or begin again after the log-in; what the server offers (`features`)."""

    async def send(self, stanza: str) -> None:
        """Send one stanza, with its namespaces."""

    async def receive(self) -> Element:
        """The next stanza."""

    async def close(self) -> None:
        """Take leave, so that the server keeps no session."""


def read_stanza(data: str | bytes) -> Element:
    """One element that came; raises ProbeError where it is none, or the end of the stream."""
    try:
        element = parse(data)
    except MalformedStanza as error:
        raise ProbeError(Reason.PROTOCOL, f"the server speaks no XMPP: {error}") from None
    if element.tag == f"{{{STREAMS}}}error":
        what = f"the server ended the stream: {words_of(element, STREAM_ERRORS)}"
        raise ProbeError(Reason.PROTOCOL, what)
    return element


def offered(element: Element) -> Element:
    """That element, if it is what a server offers; raises ProbeError."""
    if element.tag != f"{{{STREAMS}}}features":
        raise ProbeError(Reason.PROTOCOL, "the server does not say what it offers")
    return element


class StanzaError(ProbeError):
    """The answer to a request is an error. `condition`: such as `service-unavailable`; `words`: with what
    is said about it."""

    def __init__(self, sender: str, answer: Element) -> None:
        error = answer.find(f"{{{CLIENT}}}error")
        self.condition, self.words = condition_of(error, STANZAS), words_of(error, STANZAS)
        super().__init__(Reason.PROTOCOL, f"{sender}: {self.words}")


async def request(stream: StanzaStream, kind: str, to: str, payload: str) -> Element:
    """The answer of `to` (empty: our own server) to a request (RFC 6120, 8.2.3) of `kind` get or set.

    Raises StanzaError (a ProbeError), ProbeError, OSError.
    """
    identity = secrets.token_hex(8)
    address = f" to={quoteattr(to)}" if to else ""
    await stream.send(f"<iq xmlns='{CLIENT}' type='{kind}' id='{identity}'{address}>{payload}</iq>")
    for _ in range(_MOST_OTHERS):
        answer = await stream.receive()
        is_ours = answer.tag == f"{{{CLIENT}}}iq" and answer.get("id") == identity
        if not is_ours or answer.get("type") not in ("result", "error"):
            continue
        if to and answer.get("from") != to:
            continue  # only a server can send it, and only a wrong one does
        if answer.get("type") == "error":
            raise StanzaError(to or stream.domain, answer)
        return answer
    raise ProbeError(Reason.PROTOCOL, f"{_MOST_OTHERS} stanzas, none of them the answer")
