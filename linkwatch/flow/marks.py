"""Marks in the text of a message that say how it was sent, in the reader's language."""

from __future__ import annotations

from linkwatch.core.message import SMS_CHANNEL, fit_sms
from linkwatch.core.records import Notification
from linkwatch.core.wording import strip_diacritics
from linkwatch.notify.channel import Message

_REPEATED = {"vi": "(gửi lại)", "en": "(repeat)"}
_NOT_STORED = {"vi": "(chưa lưu)", "en": "(not stored)"}


def compose(
    notification: Notification, language: str, *, repeated: bool = False, durable: bool = True
) -> Message:
    """The message to send. `repeated`: it may have arrived before. Not `durable`: no row keeps it."""
    marks = [*([_REPEATED] if repeated else []), *([] if durable else [_NOT_STORED])]
    words = [mark.get(language, mark["en"]) for mark in marks]
    is_sms = notification.channel == SMS_CHANNEL
    return Message(
        subject=_marked(words, notification.subject),
        body=_marked(words, notification.body, is_sms=is_sms),
        key=notification.key,
        repeated=repeated,
    )


def _marked(words: list[str], text: str, *, is_sms: bool = False) -> str:
    """An SMS stays a single one in plain letters: one diacritic would cut its length to 70 letters."""
    if not (words and text):
        return text
    marked = " ".join([*words, text])
    return fit_sms(strip_diacritics(marked)) if is_sms else marked
