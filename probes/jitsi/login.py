"""The log-in at an XMPP domain, up to an address of our own (RFC 6120, 6 and 7)."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from xml.etree.ElementTree import Element

from probes.failure import ProbeError
from probes.jitsi.sasl import Account, Mechanism, SaslError, choose
from probes.jitsi.stanza import BIND, SASL, condition_of
from probes.jitsi.stream import StanzaStream, request
from probes.sample import Reason

_MOST_CHALLENGES = 5
_BUSY = {"temporary-auth-failure"}
_NOT_A_GUEST = "not-allowed"
"""What mod_auth_token says to whoever comes without a token."""


class NoGuestsError(ProbeError):
    """The server lets in only those who have an account or a token, and none is set."""


async def log_in(stream: StanzaStream, features: Element, account: Account, *, may_tell: bool) -> None:
    """Log in and bind; the stream then carries stanzas of ours. `may_tell`: the other end may learn the
    password itself. Raises ProbeError, OSError.
    """
    mechanism = _choose(features, account, may_tell)
    try:
        await _authenticate(stream, mechanism, account)
    except SaslError as error:
        raise ProbeError(Reason.PROTOCOL, f"{account}: {mechanism.name}: {error}") from None
    await stream.open()
    await request(stream, "set", "", f"<bind xmlns='{BIND}'/>")


def _choose(features: Element, account: Account, may_tell: bool) -> Mechanism:
    tags = features.iterfind(f"{{{SASL}}}mechanisms/{{{SASL}}}mechanism")
    names = [(tag.text or "").strip()[:60] for tag in tags]
    if not names:
        raise ProbeError(
            Reason.PROTOCOL,
            f"{account.domain} offers no log-in here (Prosody takes it for insecure: consider_bosh_secure, "
            "consider_websocket_secure)",
        )
    mechanism = choose(account, names, may_tell=may_tell)
    if mechanism is None and not account.user:
        raise NoGuestsError(Reason.AUTH, f"{account.domain} lets no guests in, and no user is set")
    if mechanism is None:
        raise ProbeError(Reason.PROTOCOL, f"{account}: no safe way to log in, only {', '.join(names[:9])}")
    return mechanism


async def _authenticate(stream: StanzaStream, mechanism: Mechanism, account: Account) -> None:
    said = b64encode(mechanism.first).decode() if mechanism.first else ""
    await stream.send(f"<auth xmlns='{SASL}' mechanism='{mechanism.name}'>{said}</auth>")
    for _ in range(_MOST_CHALLENGES):
        answer = await stream.receive()
        if answer.tag == f"{{{SASL}}}success":
            mechanism.check(_content(answer))
            return
        if answer.tag == f"{{{SASL}}}failure":
            condition = condition_of(answer, SASL)
            if condition == _NOT_A_GUEST and not (account.user or account.token):
                raise NoGuestsError(Reason.AUTH, f"{account.domain} refuses guests, and no token is set")
            reason = Reason.PROTOCOL if condition in _BUSY else Reason.AUTH
            raise ProbeError(reason, f"{account}: the server refuses the log-in ({condition})")
        if answer.tag != f"{{{SASL}}}challenge":
            raise SaslError("an answer that belongs to no log-in")
        # The server says how much there is to count: 100,000 rounds are some 30 ms, in which all would wait.
        said = b64encode(await asyncio.to_thread(mechanism.answer, _content(answer))).decode()
        await stream.send(f"<response xmlns='{SASL}'>{said}</response>")
    raise SaslError(f"{_MOST_CHALLENGES} challenges, and no end")


def _content(element: Element) -> bytes:
    try:
        return b64decode((element.text or "").strip())
    except ValueError:
        raise SaslError("something that is not base64") from None
