"""Credentials for the origin that a probe was pointed at: no redirect carries them anywhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiohttp import (
    ClientHandlerType,
    ClientMiddlewareType,
    ClientRequest,
    ClientResponse,
    DigestAuthMiddleware,
    encode_basic_auth,
)
from yarl import URL

from probes.failure import ProbeError
from probes.http.access import AccessSettings
from probes.sample import Reason


class Login:
    """What is added to requests to `home`'s origin."""

    def __init__(self, access: AccessSettings, home: URL) -> None:
        self._origin = home.origin()
        self._headers: dict[str, str] = {}
        self._middlewares: tuple[ClientMiddlewareType, ...] = ()
        if access.bearer_token:
            self._headers = {"Authorization": f"Bearer {access.bearer_token}"}
        elif access.username and access.scheme == "basic":
            self._headers = {"Authorization": encode_basic_auth(access.username, access.password)}
        elif access.username:
            self._middlewares = (_digest(access.username, access.password),)

    def headers(self, url: URL) -> Mapping[str, str]:
        """Headers for a request to `url`."""
        return self._headers if url.origin() == self._origin else {}

    def middlewares(self, url: URL) -> Sequence[ClientMiddlewareType]:
        """Conversations that a request to `url` may need (RFC 7616)."""
        return self._middlewares if url.origin() == self._origin else ()


def _digest(user: str, password: str) -> ClientMiddlewareType:
    """aiohttp's digest, which leaves refusals open and trips over calls for it that make no sense."""
    login = DigestAuthMiddleware(user, password)

    async def answer(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        answers: list[ClientResponse] = []

        async def ask(asked: ClientRequest) -> ClientResponse:
            answers.append(await handler(asked))
            return answers[-1]

        final: ClientResponse | None = None
        try:
            final = await login(request, ask)
        except ValueError:  # texts that fit into no header, places that are no URL
            raise ProbeError(Reason.AUTH, "the server's call for a digest makes no sense") from None
        finally:
            for each in answers:
                if each is not final:
                    each.close()
        return final

    return answer
