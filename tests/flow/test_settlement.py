"""What follows from an attempt to send: pure decisions over (row, outcome, now)."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from linkwatch.core.records import Delivery, Notification, NotificationKind
from linkwatch.flow.settlement import (
    FAILURES_BEFORE_FALLBACK,
    GIVE_UP_AFTER_S,
    LONGEST_RETRY_S,
    PAGING,
    UNKNOWNS_BEFORE_FALLBACK,
    over,
    pause_s,
    settle,
)
from linkwatch.notify.channel import Delivered, Failed, Unknown
from linkwatch.store.outbox import Leased

PAGE = Notification(
    key="17/page/0/vnpt-duty/chat",
    incident=17,
    contact="vnpt-duty",
    channel="chat",
    kind=NotificationKind.PAGE,
    subject="[NGHIÊM TRỌNG] Hàm Rồng: mất kết nối (#17)",
    body="Mất kết nối\n" * 30,
    created_at=100.0,
    fallback=("sms", "mail"),
)
REFUSED, WRONG, SILENT = Failed(False, "HTTP 500"), Failed(True, "bad address"), Unknown("no answer")


def decide(outcome: Any, *, attempts: int = 1, now: float = 110.0, **fields: Any) -> Any:
    leased = Leased(1, replace(PAGE, **fields), attempts, repeated=attempts > 1)
    return settle(leased, outcome, now=now, random=Random(1))


def test_delivered_is_final_and_on_the_timeline() -> None:
    settled = decide(Delivered())
    assert (settled.state, settled.at, settled.fallback) == (Delivery.DELIVERED, 110.0, None)
    assert settled.event.kind == "delivered"
    assert settled.event.detail == {"contact": "vnpt-duty", "channel": "chat", "kind": "page"}


def test_a_repeat_that_arrived_says_so_on_the_timeline() -> None:
    assert decide(Delivered(), attempts=2).event.detail["repeated"] == "true"


@pytest.mark.parametrize("attempts", range(1, FAILURES_BEFORE_FALLBACK))
def test_a_refused_message_is_tried_again_later(attempts: int) -> None:
    settled = decide(REFUSED, attempts=attempts)
    assert settled.state is Delivery.QUEUED
    assert settled.error == "HTTP 500"
    pause = 2.0 ** (attempts - 1)
    assert 110 + 0.75 * pause <= settled.next_at <= 110 + 1.25 * pause


def test_only_the_first_refusal_and_the_last_are_on_the_timeline() -> None:
    kinds = [decide(REFUSED, attempts=i).event for i in range(1, FAILURES_BEFORE_FALLBACK + 1)]
    assert [event.kind if event else None for event in kinds] == [
        "delivery-failed",
        None,
        None,
        "delivery-failed",
    ]


def test_after_some_refusals_the_next_channel_takes_over() -> None:
    settled = decide(REFUSED, attempts=FAILURES_BEFORE_FALLBACK)
    assert settled.state is Delivery.FAILED
    assert (settled.fallback.channel, settled.fallback.fallback) == ("sms", ("mail",))
    assert settled.fallback.key == "17/page/0/vnpt-duty/sms"
    assert settled.event.detail["fallback"] == "sms"


def test_a_wrong_address_goes_to_the_next_channel_at_once() -> None:
    assert decide(WRONG).fallback.channel == "sms"


def test_without_a_next_channel_a_wrong_address_is_the_end() -> None:
    settled = decide(WRONG, fallback=())
    assert (settled.state, settled.fallback) == (Delivery.FAILED, None)


def test_the_last_channel_is_tried_for_hours_and_then_given_up() -> None:
    last = {"fallback": (), "attempts": 60}
    assert decide(REFUSED, now=100 + GIVE_UP_AFTER_S - 1, **last).state is Delivery.QUEUED
    assert decide(REFUSED, now=100 + GIVE_UP_AFTER_S, **last).state is Delivery.FAILED


@pytest.mark.parametrize("kind", [NotificationKind.PAGE, NotificationKind.REPEAT])
def test_a_page_of_which_nobody_knows_is_sent_again(kind: NotificationKind) -> None:
    settled = decide(SILENT, kind=kind)
    assert settled.state is Delivery.QUEUED
    assert settled.event.kind == "delivery-unknown"


def test_a_page_that_stays_unknown_goes_to_the_next_channel() -> None:
    settled = decide(SILENT, attempts=UNKNOWNS_BEFORE_FALLBACK)
    assert (settled.state, settled.fallback.channel) == (Delivery.UNKNOWN, "sms")


@pytest.mark.parametrize("kind", [kind for kind in NotificationKind if kind not in PAGING])
def test_what_only_informs_is_not_sent_twice_when_unknown(kind: NotificationKind) -> None:
    settled = decide(SILENT, kind=kind)
    assert (settled.state, settled.fallback) == (Delivery.UNKNOWN, None)


def test_a_message_without_incident_has_no_timeline() -> None:
    assert decide(Delivered(), incident=0).event is None


def test_pauses_double_up_to_five_minutes_and_are_spread() -> None:
    middle = [pause_s(i, lambda low, high: 1.0) for i in (1, 2, 3, 9, 10, 5000)]
    assert middle == [1.0, 2.0, 4.0, 256.0, LONGEST_RETRY_S, LONGEST_RETRY_S]
    assert len({pause_s(3, Random(i).uniform) for i in range(20)}) == 20


def test_over_sms_a_message_is_its_subject_in_plain_letters() -> None:
    sms = over(PAGE, "sms", now=200.0)
    assert (sms.subject, sms.body) == ("", "(NGHIEM TRONG) Ham Rong: mat ket noi (#17)")
    long = over(replace(PAGE, subject="ế" * 500 + " (#17)"), "sms", now=200.0).body
    assert len(long) == 160
    assert long.endswith("e... (#17)")


def test_over_mail_a_message_keeps_its_text() -> None:
    mail = over(PAGE, "mail", now=200.0)
    assert (mail.body, mail.created_at, mail.fallback) == (PAGE.body, 200.0, ())
