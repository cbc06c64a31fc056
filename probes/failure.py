"""How the steps of a probe fail: with a reason, and one line for people."""

from __future__ import annotations

import errno

from probes.sample import Reason

_REASONS = {
    errno.ECONNREFUSED: Reason.REFUSED,
    errno.EHOSTUNREACH: Reason.UNREACHABLE,
    errno.ENETUNREACH: Reason.UNREACHABLE,
    errno.EHOSTDOWN: Reason.UNREACHABLE,
    errno.ENETDOWN: Reason.UNREACHABLE,
    errno.EPERM: Reason.PERMISSION,
    errno.EACCES: Reason.PERMISSION,
    errno.ETIMEDOUT: Reason.TIMEOUT,
    errno.EMSGSIZE: Reason.TOO_BIG,
    errno.EMFILE: Reason.EXHAUSTED,
    errno.ENFILE: Reason.EXHAUSTED,
    errno.ENOBUFS: Reason.EXHAUSTED,
    errno.ENOMEM: Reason.EXHAUSTED,
}


class ProbeError(Exception):
    """A step that came to nothing. `detail` is one line for people, without secrets."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def reason_of_errno(number: int | None, otherwise: Reason = Reason.ERROR) -> Reason:
    """What an errno of a socket means for a probe."""
    return _REASONS.get(number or 0, otherwise)
