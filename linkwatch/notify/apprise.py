"""Chat, e-mail and some 180 other services through apprise, one message to one URL at a time.

Apprise says only yes or no. No may mean a wrong token or a server that restarts, so it counts as
temporary; only an address that apprise cannot read is permanent. Generic `json://`, `form://` and
`xml://` go by the HTTP status alone: a gateway that answers 200 with an error in the body counts as
success, so SMS gateways of that kind need a channel of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import warnings
from collections.abc import Iterator
from urllib.parse import quote

import apprise

from linkwatch.notify.channel import Delivered, Failed, Message, Outcome
from linkwatch.notify.masking import mask

MAX_THREADS = 16
"""Sends of one channel that may hang at once: beyond it the channel is given up until some end."""

READ_MARGIN_S = 1.0
"""How much longer than the deadline a thread waits for an answer. Were it shorter, apprise would call
a slow answer a failure, which it may not be; were it much longer, dead connections would pile up."""

DETAIL_LENGTH = 300

SMS_BODY = 1600
"""Services without a title and with bodies no longer than this send SMS: every letter is paid for."""

_ASSET = apprise.AppriseAsset(app_id="LinkWatch", app_desc="LinkWatch", secure_logging=True)
_BAD_ADDRESS = Failed(permanent=True, detail="the address is not a URL that apprise can use")
_OPTIONAL = Failed(permanent=True, detail="the address has optional=yes, which would hide every failure")
_STUCK = Failed(permanent=False, detail=f"{MAX_THREADS} earlier sends still hang")


class AppriseChannel:
    """Sends each message in a daemon thread of its own, so that one that hangs holds up nobody."""

    def __init__(self, name: str, template: str, deadline_s: float) -> None:
        """`template`: a URL with `{to}` for the contact's address; empty: the address is the URL."""
        self._name = name
        self._template = template
        self._read_timeout_s = deadline_s + READ_MARGIN_S
        self._threads = threading.BoundedSemaphore(MAX_THREADS)
        _prepare()

    async def send(self, message: Message) -> Outcome:
        """Send one message. If the wait is cancelled the thread goes on: it cannot be stopped."""
        if not self._threads.acquire(blocking=False):
            return _STUCK
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Outcome] = loop.create_future()
        thread = threading.Thread(
            target=self._work, args=(loop, answer, message), name=f"notify-{self._name}", daemon=True
        )
        thread.start()
        return await answer

    def _work(
        self, loop: asyncio.AbstractEventLoop, answer: asyncio.Future[Outcome], message: Message
    ) -> None:
        try:
            outcome = _send(self._url(message.to), message, self._read_timeout_s)
        finally:
            self._threads.release()
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(_answer, answer, outcome)

    def _url(self, address: str) -> str:
        return self._template.replace("{to}", quote(address, safe="")) if self._template else address


def _answer(answer: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not answer.done():
        answer.set_result(outcome)


def _send(url: str, message: Message, read_timeout_s: float) -> Outcome:
    """Make the service afresh (one that is reused sleeps between messages) and send."""
    with _captured() as log:
        try:
            service = apprise.Apprise.instantiate(url, asset=_ASSET)
            if service is None:
                return _BAD_ADDRESS
            if service.optional:
                return _OPTIONAL
            service.socket_read_timeout = read_timeout_s
            if _notify(service, message):
                return Delivered()
        except Exception as error:  # a plugin may raise anything, and its text may hold the address
            return Failed(permanent=False, detail=f"apprise failed with {type(error).__name__}")
    return Failed(
        permanent=False, detail=mask("; ".join(log), url)[:DETAIL_LENGTH] or "apprise reports a failure"
    )


def _notify(service: apprise.NotifyBase, message: Message) -> bool:
    title = "" if service.title_maxlen <= 0 and service.body_maxlen <= SMS_BODY else message.subject
    body = _cut(message.body, service.body_maxlen - len(title) - len("\r\n"))
    return bool(service.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT))


def _cut(text: str, limit: int) -> str:
    """At most `limit` characters: a long message is cut, never split into several."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


_log_of_thread = threading.local()


class _Capture(logging.Handler):
    """Keeps what apprise says in this thread for the outcome; none of it goes to anybody's log."""

    def emit(self, record: logging.LogRecord) -> None:
        lines = getattr(_log_of_thread, "lines", None)
        if lines is not None:
            lines.append(record.getMessage())


@contextlib.contextmanager
def _captured() -> Iterator[list[str]]:
    lines: list[str] = []
    _log_of_thread.lines = lines
    try:
        yield lines
    finally:
        _log_of_thread.lines = None


_CAPTURE = _Capture()


def _prepare() -> None:
    """Load the services now, not in the threads, and keep what they log away from everybody.

    Apprise names recipients at WARNING and whole URLs at DEBUG; urllib3 logs paths with tokens in them.
    """
    logger = logging.getLogger("apprise")
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    logger.handlers = [_CAPTURE]
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of the services import deprecated modules
        apprise.Apprise.instantiate("json://localhost", asset=_ASSET)
