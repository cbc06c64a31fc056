"""XMPP over a websocket (RFC 7395): one element in each message, the stream as elements of its own."""

from __future__ import annotations

from contextlib import suppress
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

import aiohttp
from yarl import URL

from probes.failure import ProbeError
from probes.http.client import Client
from probes.jitsi.stanza import FRAMING, LONGEST_BYTES
from probes.jitsi.stream import offered, read_stanza
from probes.sample import Reason

_OPEN, _CLOSE = f"{{{FRAMING}}}open", f"{{{FRAMING}}}close"


class WebsocketStream:
    """A stream over a websocket that is opened with it; `client` stays the caller's."""

    def __init__(self, client: Client, url: URL, domain: str) -> None:
        self.url, self.domain = url, domain
        self._client = client
        self._websocket: aiohttp.ClientWebSocketResponse | None = None

    async def open(self) -> Element:
        """Shake hands if need be, and open the stream."""
        if self._websocket is None:
            self._websocket = await self._client.connect_websocket(self.url, "xmpp", LONGEST_BYTES)
        await self.send(f"<open xmlns='{FRAMING}' to={quoteattr(self.domain)} version='1.0'/>")
        if (await self.receive()).tag != _OPEN:
            raise ProbeError(Reason.PROTOCOL, "the server opens no stream")
        return offered(await self.receive())

    async def send(self, stanza: str) -> None:
        """Send one message."""
        try:
            await self._connected.send_str(stanza)
        except aiohttp.ClientConnectionError:
            raise _ended() from None

    async def receive(self) -> Element:
        """The next message."""
        message = await self._connected.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            element = read_stanza(message.data)
            if element.tag == _CLOSE:
                raise _ended()
            return element
        if message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.ERROR):
            raise ProbeError(Reason.PROTOCOL, "the server sends a message that is no XMPP, or too long")
        raise _ended()

    async def close(self) -> None:
        """Close stream and websocket."""
        if self._websocket is None:
            return
        if not self._websocket.closed:
            with suppress(ProbeError, OSError):
                await self.send(f"<close xmlns='{FRAMING}'/>")
        await self._websocket.close()

    @property
    def _connected(self) -> aiohttp.ClientWebSocketResponse:
        assert self._websocket is not None
        return self._websocket


def _ended() -> ProbeError:
    return ProbeError(Reason.PROTOCOL, "the server closed the websocket")
