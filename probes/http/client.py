"""Asks for pages: every hop is a fresh connection that the connector checks, cookies last for one run."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Any

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from probes.attempt import Attempt
from probes.failure import ProbeError
from probes.http.access import AccessSettings
from probes.http.connector import CheckedConnector
from probes.http.context import tls_words
from probes.http.exchange import Answer, Request, redirect
from probes.http.login import Login
from probes.http.proxy import LOGIN_REFUSED, login_refused, proxy_login
from probes.phases import Phases
from probes.sample import Reason, Target

for _name in ("aiohttp.client", "aiohttp.internal"):
    # They warn of each cookie that is none: whoever is asked could fill our log.
    logging.getLogger(_name).setLevel(logging.ERROR)

_REDIRECTS = {301, 302, 303, 307, 308}

_LONGEST_HEADER = 32_768
_MOST_HEADERS = 512
"""Browsers put up with more than aiohttp does by itself: a content policy of 10 kB breaks no portal."""

_FAREWELL_S = 0.3
"""How long a websocket waits for the other end to close it, too."""


class Client:
    """One run's way to a target. `phases` times it, `connector` keeps what was seen on the way."""

    def __init__(self, target: Target, access: AccessSettings, home: URL, attempt: Attempt) -> None:
        """`home`: the page that the probe was pointed at, whose origin gets the credentials."""
        self.phases = Phases()
        self.connector = CheckedConnector(target, access, self.phases, attempt)
        self._access = access
        self._login = Login(access, home)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Client:
        self._session = aiohttp.ClientSession(
            connector=self.connector,
            cookie_jar=aiohttp.CookieJar(unsafe=True),  # portals set one and redirect to themselves
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=False,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
            max_headers=_MOST_HEADERS,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connector.abort()
        await self.session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session, while it is open."""
        assert self._session is not None
        return self._session

    def cookies(self, url: URL) -> dict[str, str]:
        """The cookies that the page at `url` would get."""
        return {name: morsel.value for name, morsel in self.session.cookie_jar.filter_cookies(url).items()}

    async def ask(self, request: Request, answer: Answer) -> None:
        """Send `request`, follow redirects, and fill `answer`; raises ProbeError, OSError."""
        with self._explained():
            await self._ask(request, answer)
        self.phases.enter("")

    async def connect_websocket(
        self, url: URL, protocol: str, longest_message_bytes: int
    ) -> aiohttp.ClientWebSocketResponse:
        """A websocket (RFC 6455) on which `protocol` is spoken; raises ProbeError, OSError."""
        with self._explained():
            try:
                websocket = await self.session.ws_connect(
                    url,
                    protocols=(protocol,),
                    headers={"User-Agent": _user_agent()},
                    max_msg_size=longest_message_bytes,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_FAREWELL_S),
                )
            except aiohttp.WSServerHandshakeError as error:
                reason = Reason.AUTH if error.status in (401, 403) else Reason.PROTOCOL
                raise ProbeError(reason, f"no websocket (status {error.status})") from None
            if websocket.protocol != protocol:
                await websocket.close()
                raise ProbeError(Reason.PROTOCOL, f"a websocket that does not speak {protocol}")
        self.phases.enter("")
        return websocket

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """The failures of aiohttp as ProbeErrors."""
        try:
            yield
        except aiohttp.ServerDisconnectedError:
            raise ProbeError(Reason.PROTOCOL, "the server closed the connection without an answer") from None
        except aiohttp.ClientPayloadError:
            raise ProbeError(Reason.PROTOCOL, "the body is cut off or badly packed") from None
        except aiohttp.ClientResponseError:
            raise ProbeError(Reason.PROTOCOL, f"not an HTTP answer, in {self.phases.current}") from None
        except aiohttp.ClientOSError as error:
            # In TLS 1.3 a server refuses a client, or its certificate, only after the handshake.
            if isinstance(error.__cause__, ssl.SSLError):
                what = f"the server ended TLS: {tls_words(error.__cause__)}"
                raise ProbeError(Reason.TLS, what) from None
            raise
        except aiohttp.ClientError as error:
            if type(error) is aiohttp.ClientError:  # that is all which aiohttp's digest says of a challenge
                raise ProbeError(Reason.AUTH, "the server's call for a digest makes no sense") from None
            raise

    async def _ask(self, request: Request, answer: Answer) -> None:
        while True:
            async with self.session.request(
                request.method,
                _without_second_login(request, self._login),
                headers=self._headers(request),
                data=request.body.encode() or None,
                allow_redirects=False,
                middlewares=self._login.middlewares(request.url),
                **self._through(request.url),
            ) as response:
                if response.status == LOGIN_REFUSED and self._through(request.url):
                    raise login_refused()
                answer.url, answer.status, answer.headers = request.url, response.status, response.headers
                if self._access.max_redirects == 0 or not _is_redirect(response):
                    await _read_body(response, self._access.max_body_bytes, answer)
                    return
            if answer.redirects >= self._access.max_redirects:
                raise ProbeError(Reason.PROTOCOL, f"more than {self._access.max_redirects} redirects")
            answer.redirects += 1
            request = redirect(request, answer.status, answer.headers["Location"])

    def _headers(self, request: Request) -> CIMultiDict[str]:
        headers = CIMultiDict({"User-Agent": _user_agent(), **self._login.headers(request.url)})
        headers.update(request.headers)
        if self._access.proxy and request.url.scheme == "http":
            headers.update(proxy_login(URL(self._access.proxy)))
        return headers

    def _through(self, url: URL) -> dict[str, Any]:
        """Tell aiohttp of the proxy where it is to ask the proxy itself; tunnels are the connector's."""
        if not self._access.proxy or url.scheme != "http":
            return {}
        return {"proxy": URL(self._access.proxy).with_user(None)}


def _without_second_login(request: Request, login: Login) -> URL:
    """aiohttp refuses a user in the URL beside an Authorization header: the header counts."""
    names = (*request.headers, *login.headers(request.url))
    has_header = any(name.lower() == "authorization" for name in names)
    return request.url.with_user(None) if has_header else request.url


def _is_redirect(response: aiohttp.ClientResponse) -> bool:
    return response.status in _REDIRECTS and "Location" in response.headers


async def _read_body(response: aiohttp.ClientResponse, limit: int, answer: Answer) -> None:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            answer.is_cut = True
            break
    answer.body = bytes(body[:limit])


@cache
def _user_agent() -> str:
    try:
        return f"LinkWatch/{version('linkwatch')}"
    except PackageNotFoundError:
        return "LinkWatch"
