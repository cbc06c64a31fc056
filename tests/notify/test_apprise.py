"""Real apprise against a real server: three outcomes, hard deadlines, no secret in any text."""

from __future__ import annotations

import asyncio
import logging
import threading
from dataclasses import dataclass

import pytest

from linkwatch.notify.apprise import MAX_THREADS
from linkwatch.notify.channel import Delivered, Failed, Message, Outcome, Unknown
from linkwatch.notify.channels import Channels, build_channels
from tests.notify.sink import Sink, contact, eventually

MESSAGE = Message(subject="[NGHIÊM TRỌNG] Hàm Rồng", body="Mất kết nối từ 10:00", key="1/page/0/a/chat")
TOKEN = "s3cr3t-t0ken-42"


@dataclass(frozen=True)
class Options:
    url: str = ""
    deadline_s: float = 5.0


def channels(address: str, **options: Options) -> Channels:
    return build_channels(options, {"a": contact("a", **dict.fromkeys(options, address))})


async def send(address: str, options: Options | None = None, message: Message = MESSAGE) -> Outcome:
    return await channels(address, chat=options or Options()).send("a", "chat", message)


async def test_a_message_arrives_with_its_diacritics(sink: Sink) -> None:
    assert await send(sink.url()) == Delivered()
    (received,) = sink.received
    assert (received["title"], received["message"]) == (MESSAGE.subject, MESSAGE.body)


async def test_messages_in_a_row_do_not_wait_for_a_rate_limit(sink: Sink) -> None:
    chat = channels(sink.url(), chat=Options())
    async with asyncio.timeout(3):
        for _ in range(5):
            assert await chat.send("a", "chat", MESSAGE) == Delivered()


async def test_a_template_takes_the_contact_s_address(sink: Sink) -> None:
    template = sink.url().rpartition("/")[0] + "/{to}"
    assert await send("+84900000001", Options(template)) == Delivered()


async def test_a_slow_answer_in_time_is_delivered(sink: Sink) -> None:
    assert await send(sink.url("slow")) == Delivered()


@pytest.mark.parametrize("status", ["500", "401", "429"])
async def test_a_refusal_is_a_temporary_failure_with_its_status(sink: Sink, status: str) -> None:
    outcome = await send(sink.url(status))
    assert isinstance(outcome, Failed)
    assert not outcome.permanent
    assert f"error={status}" in outcome.detail
    assert TOKEN not in outcome.detail


async def test_no_answer_within_the_deadline_is_unknown(sink: Sink) -> None:
    assert await send(sink.url("hang"), Options(deadline_s=0.2)) == Unknown("no answer within 0.2 s")


async def test_a_closed_port_is_a_temporary_failure() -> None:
    outcome = await send(f"json://127.0.0.1:1/ok/{TOKEN}")
    assert isinstance(outcome, Failed)
    assert not outcome.permanent


@pytest.mark.parametrize("address", ["", "nonsense", "json://", "no-such-service://x/y", "+84900000001"])
async def test_an_address_that_cannot_be_used_is_a_permanent_failure(address: str) -> None:
    outcome = await send(address)
    assert isinstance(outcome, Failed)
    assert outcome.permanent
    assert "+84900000001" not in outcome.detail


async def test_an_address_that_would_hide_failures_is_refused(sink: Sink) -> None:
    outcome = await send(sink.url("500") + "?optional=yes")
    assert outcome == Failed(
        permanent=True, detail="the address has optional=yes, which would hide every failure"
    )


async def test_an_unknown_channel_or_contact_is_a_permanent_failure(sink: Sink) -> None:
    chat = channels(sink.url(), chat=Options())
    for who, over in (("a", "sms"), ("b", "chat")):
        outcome = await chat.send(who, over, MESSAGE)
        assert outcome == Failed(permanent=True, detail=f"{who} has no channel {over}")


async def test_a_long_message_is_cut_not_split(sink: Sink) -> None:
    long = Message(subject="s", body="x" * 40_000, key="k")
    assert await send(sink.url(), message=long) == Delivered()
    (text,) = sink.texts
    assert text.endswith("…")
    assert len(text) < 32_768


async def test_ten_hung_sends_delay_no_other_channel(sink: Sink) -> None:
    people = {"a": contact("a", chat=sink.url("hang"), mail=sink.url("ok"))}
    both = build_channels({"chat": Options(deadline_s=3.0)}, people)
    hung = [asyncio.create_task(both.send("a", "chat", MESSAGE)) for _ in range(10)]
    await eventually(lambda: sink.hanging == 10)
    async with asyncio.timeout(1):
        assert await both.send("a", "mail", MESSAGE) == Delivered()
    assert not any(task.done() for task in hung)
    sink.released.set()
    assert await asyncio.gather(*hung) == [Delivered()] * 10


async def test_a_channel_whose_sends_all_hang_is_given_up_not_flooded(sink: Sink) -> None:
    given_up = channels(sink.url("hang"), **{"given-up": Options(deadline_s=0.5)})
    outcomes = await asyncio.gather(
        *(given_up.send("a", "given-up", MESSAGE) for _ in range(MAX_THREADS + 3))
    )
    assert sum(isinstance(outcome, Unknown) for outcome in outcomes) == MAX_THREADS
    assert outcomes.count(Failed(permanent=False, detail=f"{MAX_THREADS} earlier sends still hang")) == 3
    sink.released.set()
    await eventually(lambda: not [it for it in threading.enumerate() if it.name == "notify-given-up"])
    assert await given_up.send("a", "given-up", MESSAGE) == Delivered()


@pytest.mark.parametrize("behaviour", ["ok", "500", "hang"])
async def test_no_secret_is_ever_logged(sink: Sink, caplog: pytest.LogCaptureFixture, behaviour: str) -> None:
    caplog.set_level(logging.DEBUG)
    for address in (sink.url(behaviour), f"bogus://user:{TOKEN}@host", f"json://127.0.0.1:1/{TOKEN}"):
        outcome = await send(address, Options(deadline_s=0.3))
        assert TOKEN not in repr(outcome)
    assert TOKEN not in caplog.text


def test_addresses_do_not_show_in_any_repr() -> None:
    secret = f"tgram://{TOKEN}/1"
    chat = channels(secret, chat=Options())
    shown = repr([chat, vars(chat), Message("s", "b", "k", to=secret)])
    assert TOKEN not in shown
