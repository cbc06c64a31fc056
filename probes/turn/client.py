"""The conversation with a TURN server (RFC 8656): allocate, and give back."""

from __future__ import annotations

from collections.abc import Mapping

from probes.conversation import Conversation
from probes.failure import ProbeError
from probes.sample import Reason
from probes.stun.message import Attribute, Kind, Message, Method, long_term_key
from probes.stun.transaction import RefusedError, ask, farewell
from probes.turn.credentials import Credentials

_UDP = b"\x11\0\0\0"  # the protocol number that REQUESTED-TRANSPORT wants (RFC 8656, 18.8)
_NOW = bytes(4)
_UNAUTHENTICATED, _STALE_NONCE = 401, 438
_LARGEST_TOKEN_BYTES = 763  # REALM and NONCE (RFC 8489, 14.9 and 14.10)
_TRIES = 3  # without a signature, with one, and with a fresh nonce


class Client:
    """One client. It learns realm and nonce from the server's first refusal."""

    def __init__(self, conversation: Conversation, credentials: Credentials | None) -> None:
        self._conversation, self._credentials = conversation, credentials
        self._key = b""
        self._signature: dict[Attribute, bytes] = {}
        self._may_hold = False

    async def allocate(self) -> Message:
        """Ask for a relayed UDP address; the success response. Raises ProbeError (RefusedError is one),
        MalformedMessage, OSError."""
        self._may_hold = True
        return await self._request(Method.ALLOCATE, {Attribute.REQUESTED_TRANSPORT: _UDP})

    async def release(self) -> None:
        """Give the allocation back; raises as `allocate` does."""
        await self._request(Method.REFRESH, {Attribute.LIFETIME: _NOW})
        self._may_hold = False

    def abandon(self) -> None:
        """Give back, unheard, what the server may still hold for us; over a stream its end does that, too."""
        if self._may_hold:
            farewell(self._conversation, Method.REFRESH, self._signed({Attribute.LIFETIME: _NOW}), self._key)

    async def _request(self, method: Method, attributes: Mapping[Attribute, bytes]) -> Message:
        for _ in range(_TRIES):
            answer = await ask(self._conversation, method, self._signed(attributes), self._key)
            if answer.content.kind == Kind.SUCCESS:
                return answer.content
            failure = RefusedError(method, answer.content, is_signed=bool(self._key))
            if not self._learn(failure.code, answer.content):
                break
        self._may_hold = False
        raise failure

    def _signed(self, attributes: Mapping[Attribute, bytes]) -> dict[Attribute, bytes]:
        return {**attributes, **self._signature}

    def _learn(self, code: int, refusal: Message) -> bool:
        """Whether another try makes sense: signed for the first time, or with the nonce that is due."""
        is_first = code == _UNAUTHENTICATED and not self._key
        if self._credentials is None or not (is_first or (code == _STALE_NONCE and self._key)):
            return False
        nonce = refusal.attributes.get(Attribute.NONCE, b"")
        realm = refusal.attributes.get(Attribute.REALM) or self._signature.get(Attribute.REALM, b"")
        if not (0 < len(nonce) <= _LARGEST_TOKEN_BYTES and 0 < len(realm) <= _LARGEST_TOKEN_BYTES):
            raise ProbeError(Reason.PROTOCOL, f"{code} without a realm and a nonce")
        self._key = long_term_key(self._credentials.user, realm, self._credentials.password)
        user = self._credentials.user.encode()
        self._signature = {Attribute.USERNAME: user, Attribute.REALM: realm, Attribute.NONCE: nonce}
        return True
