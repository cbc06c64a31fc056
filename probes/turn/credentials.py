"""Who allocates: a user with a password, or one made of a shared secret. Pure."""

from __future__ import annotations

import hmac
from base64 import b64encode
from dataclasses import dataclass, field

from probes.turn.settings import Settings

LIFETIME_S = 86_400
"""How long a made user may allocate: what Jitsi's Prosody gives, and room enough for a wrong clock."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user of long-term credentials (RFC 8489, 9.2)."""

    user: str
    password: str = field(repr=False)


def credentials_at(settings: Settings, now: float) -> Credentials | None:
    """The credentials at `now` (UTC seconds), None if there are none.

    With a secret: user `EXPIRY:USER`, password BASE64(HMAC-SHA1(secret, user)), as the TURN REST API
    (draft-uberti-behave-turn-rest) has it and coturn's use-auth-secret checks it.
    """
    if settings.secret:
        user = f"{int(now) + LIFETIME_S}:{settings.user or 'linkwatch'}"
        digest = hmac.digest(settings.secret.encode(), user.encode(), "sha1")
        return Credentials(user, b64encode(digest).decode())
    return Credentials(settings.user, settings.password) if settings.user else None
