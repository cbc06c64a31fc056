"""One inner HTTP server: its pages are asked by the one HTTP client, and refusals get words that help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yarl import URL

from probes.attempt import Attempt
from probes.failure import ProbeError
from probes.http.client import Client
from probes.http.exchange import Answer, Request
from probes.jitsi.inside.settings import Inside
from probes.jitsi.inside.told import Health
from probes.jsonquery import read_json
from probes.sample import Reason, Target

TEXT = "text/plain;version=0.0.4"
"""JVB and Jicofo choose the form of /metrics by this header, and JVB has no answer to none."""

_LONGEST_MESSAGE = 160

_REFUSALS = {
    401: (Reason.AUTH, "it wants a user, a token or another certificate"),
    403: (Reason.AUTH, "this machine's address is not on its list, or it does not expose this path"),
    407: (Reason.AUTH, "the proxy wants a login"),
    502: (Reason.PROTOCOL, "the proxy answers, what it leads to does not"),
    504: (Reason.TIMEOUT, "the proxy answers, what it leads to does not within the proxy's patience"),
}

_CERTIFICATE_REFUSALS = {
    b"No required SSL certificate": "it wants a client certificate and got none: set client_cert_file",
    b"The SSL certificate error": "it refuses our client certificate: expired, or signed by another CA",
}
"""How nginx says it, with status 400, once the handshake is over."""


class Server:
    """The pages below one URL."""

    def __init__(self, target: Target, access: Inside, base: str) -> None:
        self._target, self._access, self._base = target, access, base.rstrip("/")

    async def ask(
        self, path: str, attempt: Attempt, accept: str = TEXT, query: Mapping[str, str] | None = None
    ) -> Answer | None:
        """The answer with status 200, None where there is no such page (404); raises ProbeError, OSError."""
        answer = await self._fetch(path, attempt, accept, query)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise _refusal(path, answer)
        if answer.is_cut:
            raise ProbeError(Reason.PROTOCOL, f"{path} is longer than max_body_bytes")
        return answer

    async def ask_json(self, path: str, attempt: Attempt) -> dict[str, Any] | None:
        """The JSON object at `path`, None where there is no such page; raises ProbeError, OSError."""
        answer = await self.ask(path, attempt, "application/json")
        return None if answer is None else json_object(path, answer)

    async def ask_health(self, path: str, attempt: Attempt) -> Health | None:
        """What a health page says, None where there is none; raises ProbeError, OSError."""
        answer = await self._fetch(path, attempt, "*/*", None)
        if answer.status == 404:
            return None
        if answer.status not in (200, 500, 503):
            raise _refusal(path, answer)
        return Health(answer.status, one_line(answer.text))

    async def _fetch(
        self, path: str, attempt: Attempt, accept: str, query: Mapping[str, str] | None
    ) -> Answer:
        url = URL(self._base + path)
        url = url.with_query(query) if query else url
        attempt.step = path
        answer = Answer(url)
        async with Client(self._target, self._access, url, attempt) as client:
            try:
                await client.ask(Request(url, "GET", {"Accept": accept}, ""), answer)
            except ProbeError as error:
                raise ProbeError(error.reason, f"{path}: {error.detail}") from None
            finally:
                attempt.step = f"{client.phases.current or 'preparation'} of {path}"
        return answer


def json_object(path: str, answer: Answer) -> dict[str, Any]:
    """The body as a JSON object; raises ProbeError."""
    try:
        document = read_json(answer.body or b"")
    except ValueError as error:
        raise ProbeError(Reason.PROTOCOL, f"{path} is {error}") from None
    if not isinstance(document, dict):
        raise ProbeError(Reason.PROTOCOL, f"{path} is not a JSON object")
    return document


def one_line(text: str) -> str:
    """The first line of what a server says of itself, bounded; nothing of a web page."""
    line = text.strip().partition("\n")[0][:_LONGEST_MESSAGE]
    return "" if line.startswith("<") else "".join(filter(str.isprintable, line)).strip('"')


def _refusal(path: str, answer: Answer) -> ProbeError:
    status, body = answer.status or 0, answer.body or b""
    if status == 400:
        for mark, why in _CERTIFICATE_REFUSALS.items():
            if mark in body:
                return ProbeError(Reason.TLS, f"{path}: {why}")
    reason, why = _REFUSALS.get(status, (Reason.PROTOCOL, ""))
    return ProbeError(reason, f"{path}: status {status}" + (f": {why}" if why else ""))
