"""Who may do what: the access of a route and the caller of a request.

A viewer reads. A partner sees and handles what is its own organization's; nothing else exists for it.
An operator handles everything; an admin may do whatever there is.
"""

from __future__ import annotations

from dataclasses import dataclass

from linkwatch.store.keys import Role


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `organization` is set exactly for partners and bounds what they see.

    `at_the_machine`: no key, but a program or browser on LinkWatch's own machine: may look at the wall
    and answer from it.
    """

    name: str
    role: Role
    organization: str | None = None
    at_the_machine: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """Which roles may use a route.

    `is_open`: anybody, without a key. `local`: without a key on LinkWatch's own machine.
    `browser`: a key may also come from the sign-in cookie; only pages, whose forms carry a token.
    """

    roles: frozenset[Role]
    is_open: bool = False
    local: bool = False
    browser: bool = False


_EVERYONE = frozenset(Role)
_WHOLE = _EVERYONE - {Role.PARTNER}
_HANDLERS = _EVERYONE - {Role.VIEWER}
_OPERATORS = frozenset({Role.OPERATOR, Role.ADMIN})

OPEN = Access(_EVERYONE, is_open=True)
READ = Access(_EVERYONE)
HANDLE = Access(_HANDLERS)
OPERATE = Access(_OPERATORS)
ADMINISTER = Access(frozenset({Role.ADMIN}))
METRICS = Access(_WHOLE, local=True)
LOOK = Access(_EVERYONE, local=True, browser=True)
ANSWER = Access(_HANDLERS, local=True, browser=True)
