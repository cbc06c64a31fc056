"""One STUN request and its answer (RFC 8489, 6)."""

from __future__ import annotations

import os
from collections.abc import Mapping

from probes.attempt import Attempt
from probes.bytestream import quote
from probes.conversation import Accept, Answer, Conversation
from probes.dialect import Dialect
from probes.failure import ProbeError
from probes.sample import Reason
from probes.stun.message import (
    TRANSACTION_BYTES,
    Attribute,
    Kind,
    MalformedMessage,
    Message,
    Method,
    decode,
    encode,
    message_length,
)

STUN = Dialect(3478, 5349, pauses_s=(0.5, 1.0, 2.0, 4.0, 8.0, 16.0), length_of=message_length)
"""Ports and pauses of RFC 8489, 8.1 and 6.2.1."""

_TRY_ALTERNATE, _UNAUTHENTICATED = 300, 401
_REFUSED = {_UNAUTHENTICATED, 403, 438, 441}
_MEANINGS = {
    401: "the server does not accept this user or this password",
    403: "the server forbids it",
    438: "the server calls every nonce of its own stale",
    440: "the server relays no IPv4",
    441: "the allocation belongs to another user",
    442: "the server does not relay UDP",
    486: "the user has as many allocations as he may have",
    508: "the server has no capacity left",
}


class RefusedError(ProbeError):
    """The server answered with an error; `code`: 300 to 699. Raises MalformedMessage if it is none."""

    def __init__(self, method: Method, answer: Message, *, is_signed: bool) -> None:
        self.code, phrase = answer.error
        meaning = _MEANINGS.get(self.code, "")
        if self.code == _UNAUTHENTICATED and not is_signed:
            meaning = "the server asks for a user, and none is set"
        elif self.code == _TRY_ALTERNATE and (alternate := answer.address(Attribute.ALTERNATE_SERVER)):
            meaning = f"the server sends its clients to {alternate}: probe that one"
        detail = f"{method.name.lower()}: {self.code} {_shown(phrase)}"
        reason = Reason.AUTH if self.code in _REFUSED else Reason.PROTOCOL
        super().__init__(reason, f"{detail} ({meaning})" if meaning else detail)


async def ask(
    conversation: Conversation, method: Method, attributes: Mapping[Attribute, bytes], key: bytes = b""
) -> Answer[Message]:
    """The success or error response to a request; with a `key` the request is signed, and so must be a
    success. An error need not be: not every server signs one, and a forged one can do no more than a lost
    packet. Raises ProbeError, OSError.
    """
    transaction = os.urandom(TRANSACTION_BYTES)
    request = encode(method, Kind.REQUEST, transaction, attributes, key)
    return await conversation.ask(request, _acceptor(method, transaction, key))


def farewell(
    conversation: Conversation, method: Method, attributes: Mapping[Attribute, bytes], key: bytes
) -> None:
    """Send a request whose answer nobody will hear."""
    conversation.say(encode(method, Kind.REQUEST, os.urandom(TRANSACTION_BYTES), attributes, key))


def read_server(message: Message, attempt: Attempt) -> None:
    """Keep what an answer says of the server itself, and where it sees us; raises MalformedMessage."""
    if software := _shown(message.attributes.get(Attribute.SOFTWARE, b"")):
        attempt.facts["software"] = software
    mapped = message.address(Attribute.XOR_MAPPED_ADDRESS) or message.address(Attribute.MAPPED_ADDRESS)
    if mapped is not None:
        attempt.facts["mapped_address"], attempt.facts["mapped_port"] = str(mapped.address), str(mapped.port)


def _shown(raw: bytes) -> str:
    return quote(raw.decode("utf-8", "replace"))


def _acceptor(method: Method, transaction: bytes, key: bytes) -> Accept[Message]:
    def accept(data: bytes) -> Message:
        message = decode(data)
        if message.transaction != transaction:
            raise MalformedMessage("an answer to another request")
        if message.method != method or message.kind not in (Kind.SUCCESS, Kind.ERROR):
            raise MalformedMessage("not an answer to this request")
        if key and message.kind == Kind.SUCCESS and not message.is_signed_with(key):
            raise MalformedMessage("a success without the right MESSAGE-INTEGRITY")
        return message

    return accept
