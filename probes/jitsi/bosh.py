"""XMPP over HTTP requests, one after the other (BOSH: XEP-0124, XEP-0206)."""

from __future__ import annotations

import secrets
from collections import deque
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from yarl import URL

from probes.failure import ProbeError
from probes.http.client import Client
from probes.http.exchange import Answer, build_request
from probes.jitsi.stanza import BOSH, STREAM_ERRORS, name_of, words_of
from probes.jitsi.stream import offered, read_stanza
from probes.sample import Reason

_HEADERS = {"Content-Type": "text/xml; charset=utf-8"}
_LONGEST_WAIT_S = 5
"""How long a server may hold back an answer that has nothing in it."""

_MOST_EMPTY = 20
"""A server that does not hold them back would be asked as fast as it answers."""

_XBOSH = "urn:xmpp:xbosh"
_TERMINATE = " type='terminate'"


class BoshStream:
    """A BOSH session; `client` stays the caller's."""

    def __init__(self, client: Client, url: URL, domain: str) -> None:
        self.url, self.domain = url, domain
        self._client = client
        self._request_id = secrets.randbelow(2**31) + 1
        self._session = ""
        self._received: deque[Element] = deque()

    async def open(self) -> Element:
        """Ask for a session, or for the same one to begin again."""
        to = f" to={quoteattr(self.domain)} xml:lang='en' xmlns:xmpp='{_XBOSH}'"
        if self._session:
            await self._exchange(f"{to} xmpp:restart='true'")
        else:
            wanted = f" ver='1.6' wait='{_LONGEST_WAIT_S}' hold='1' xmpp:version='1.0'"
            body = await self._exchange(to + wanted)
            self._session = body.get("sid", "")
            if not self._session:
                raise ProbeError(Reason.PROTOCOL, "the server gives no BOSH session")
        return offered(await self.receive())

    async def send(self, stanza: str) -> None:
        """Send one request with the stanza in it."""
        await self._exchange("", stanza)

    async def receive(self) -> Element:
        """The next stanza of the answers, asking for more of them if need be."""
        for _ in range(_MOST_EMPTY):
            if self._received:
                return self._received.popleft()
            await self._exchange("")
        raise ProbeError(Reason.PROTOCOL, f"{_MOST_EMPTY} BOSH answers at once, and nothing in them")

    async def close(self) -> None:
        """End the session: else the server keeps it for a minute."""
        if self._session:
            await self._exchange(_TERMINATE)

    async def _exchange(self, attributes: str, stanza: str = "") -> Element:
        self._request_id += 1
        session = f" sid={quoteattr(self._session)}" if self._session else ""
        head = f"<body xmlns='{BOSH}' rid='{self._request_id}'{session}{attributes}"
        text = f"{head}>{stanza}</body>"
        answer = Answer(self.url)
        await self._client.ask(build_request(self.url, "POST", _HEADERS, {}, text), answer)
        body = _read_body(answer)
        if body.get("type") == "terminate":
            self._session = ""
            if attributes != _TERMINATE:
                raise ProbeError(Reason.PROTOCOL, f"the server ended the BOSH session: {_why(body)}")
        self._received.extend(body)
        return body


def _read_body(answer: Answer) -> Element:
    if answer.status != 200:
        reason = Reason.AUTH if answer.status in (401, 403) else Reason.PROTOCOL
        raise ProbeError(reason, f"no BOSH (status {answer.status})")
    if answer.is_cut:
        raise ProbeError(Reason.PROTOCOL, "a BOSH answer without an end")
    body = read_stanza(answer.body or b"")
    if body.tag != f"{{{BOSH}}}body":
        raise ProbeError(Reason.PROTOCOL, f"no BOSH answer, but {name_of(body)[:60]}")
    return body


def _why(body: Element) -> str:
    for child in body:
        if name_of(child) == "error":
            return words_of(child, STREAM_ERRORS)
    return (body.get("condition") or "no reason given")[:60]
