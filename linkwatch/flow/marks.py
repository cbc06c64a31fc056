"""Marks in the text of a message that say how it was sent, in the reader's language."""

from __future__ import annotations

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
    return Message(
        subject=_marked(words, notification.subject),
        body=_marked(words, notification.body),
        key=notification.key,
        repeated=repeated,
    )


def _marked(words: list[str], text: str) -> str:
    """An SMS in plain letters stays one: a single diacritic would cut its length to 70 letters."""
    if not text:
        return text
    plain = " ".join([*words, text])
    return strip_diacritics(plain) if text.isascii() else plain
