"""Whether the conference focus (Jicofo) is there. It is greeted, never asked for a conference."""

from __future__ import annotations

from probes.attempt import Attempt
from probes.failure import ProbeError
from probes.jitsi.stanza import DISCO, PING
from probes.jitsi.stream import StanzaError, StanzaStream, request
from probes.sample import Reason

_ABSENT = {
    "gone": Reason.UNREACHABLE,
    "internal-server-error": Reason.PROTOCOL,
    "item-not-found": Reason.UNREACHABLE,
    "not-allowed": Reason.UNREACHABLE,  # Prosody has no such component, and would ask no other server
    "recipient-unavailable": Reason.UNREACHABLE,
    "remote-server-not-found": Reason.UNREACHABLE,
    "remote-server-timeout": Reason.UNREACHABLE,
    "service-unavailable": Reason.UNREACHABLE,
}
"""What a server says in the place of a component that is not connected; the component itself may refuse in
any other way, and is there."""

_GREETINGS = (f"<ping xmlns='{PING}'/>", f"<query xmlns='{DISCO}'/>")
"""XEP-0199, and XEP-0030 for who does not know that: it must say service-unavailable as well."""


async def ask_focus(stream: StanzaStream, focus: str, attempt: Attempt) -> None:
    """Greet `focus`; raises ProbeError, OSError."""
    attempt.step = f"a greeting to {focus}"
    for greeting in _GREETINGS:
        try:
            await request(stream, "get", focus, greeting)
            return
        except StanzaError as error:
            if error.condition not in _ABSENT:
                return
            refusal = error
    what = f"it does not answer, Prosody says: {refusal.words}"
    raise ProbeError(_ABSENT[refusal.condition], what)
