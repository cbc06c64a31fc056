"""What follows from one attempt to send: done, again later, or the contact's next channel. Pure.

A channel that refuses is left for the next one after some seconds; the last one is tried for hours,
for it may be our own uplink that is down. When nobody knows whether a page arrived it is sent again,
marked; what only informs is not: there a repeat would do more harm than a gap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from linkwatch.core.message import SMS_CHANNEL, fit_sms
from linkwatch.core.records import Delivery, Event, Notification, NotificationKind
from linkwatch.core.wording import strip_diacritics
from linkwatch.notify.channel import Delivered, Failed, Outcome, Unknown
from linkwatch.store.outbox import Leased, Settlement

PAGING = frozenset({NotificationKind.PAGE, NotificationKind.REPEAT})
"""What somebody must answer."""

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 300.0
JITTER = 0.25
"""Share by which a pause is made longer or shorter, so that a storm does not come back as one."""

FAILURES_BEFORE_FALLBACK = 4
UNKNOWNS_BEFORE_FALLBACK = 2
"""Each of them has already cost a whole deadline."""

GIVE_UP_AFTER_S = 6 * 3600.0


def settle(leased: Leased, outcome: Outcome, *, now: float, random: Random) -> Settlement:
    """What to record after `outcome`. `now` in seconds since the epoch."""
    if isinstance(outcome, Delivered):
        return Settlement(Delivery.DELIVERED, now, event=_event("delivered", leased, now))
    failure = Delivery.UNKNOWN if isinstance(outcome, Unknown) else Delivery.FAILED
    kind = "delivery-unknown" if isinstance(outcome, Unknown) else "delivery-failed"
    if _send_again(leased, outcome, now):
        event = _event(kind, leased, now) if leased.attempts == 1 else None
        next_at = now + pause_s(leased.attempts, random.uniform)
        return Settlement(Delivery.QUEUED, now, next_at=next_at, error=outcome.detail, event=event)
    fallback = _fallback(leased.notification, now) if _must_arrive(leased, outcome) else None
    event = _event(kind, leased, now, fallback)
    return Settlement(failure, now, error=outcome.detail, fallback=fallback, event=event)


def pause_s(attempts: int, uniform: Callable[[float, float], float]) -> float:
    """How long to wait after that many attempts: 1, 2, 4, 8 ... 300 s, with jitter."""
    doubled = FIRST_RETRY_S * 2.0 ** min(attempts - 1, 16)
    return min(LONGEST_RETRY_S, doubled) * uniform(1 - JITTER, 1 + JITTER)


def over(notification: Notification, channel: str, now: float) -> Notification:
    """The same message over another channel; as an SMS it is its subject in plain letters."""
    subject, body = notification.subject, notification.body
    if channel == SMS_CHANNEL and subject:
        subject, body = "", fit_sms(strip_diacritics(subject))
    return replace(
        notification,
        key=f"{notification.key.rpartition('/')[0]}/{channel}",
        channel=channel,
        subject=subject,
        body=body,
        created_at=now,
        fallback=notification.fallback[notification.fallback.index(channel) + 1 :],
    )


def _send_again(leased: Leased, outcome: Outcome, now: float) -> bool:
    notification = leased.notification
    if not _must_arrive(leased, outcome) or (isinstance(outcome, Failed) and outcome.permanent):
        return False
    if not notification.fallback:
        return now - notification.created_at < GIVE_UP_AFTER_S
    limit = UNKNOWNS_BEFORE_FALLBACK if isinstance(outcome, Unknown) else FAILURES_BEFORE_FALLBACK
    return leased.attempts < limit


def _must_arrive(leased: Leased, outcome: Outcome) -> bool:
    """Whether it is worth another try: not if it may have arrived and only informs."""
    return leased.notification.kind in PAGING or not isinstance(outcome, Unknown)


def _fallback(notification: Notification, now: float) -> Notification | None:
    return over(notification, notification.fallback[0], now) if notification.fallback else None


def _event(kind: str, leased: Leased, now: float, fallback: Notification | None = None) -> Event | None:
    """A line for the timeline of the incident, if there is one; ids only, no addresses."""
    told = leased.notification
    detail = {"contact": told.contact, "channel": told.channel, "kind": told.kind.value}
    if leased.repeated:
        detail["repeated"] = "true"
    if fallback is not None:
        detail["fallback"] = fallback.channel
    return Event(told.incident, now, kind, detail) if told.incident else None
