"""The demo's inbox: a local server that takes the pages as apprise sends them, and shows them."""

from __future__ import annotations

import html
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from aiohttp import web

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
KEPT = 200

PAGE = """<!doctype html><html lang="vi"><meta charset="utf-8"><meta http-equiv="refresh" content="3">
<title>Hộp thư trực / Duty inbox</title>
<style>
body{{font:16px/1.5 system-ui,sans-serif;background:#11161c;color:#e8edf2;max-width:52rem;margin:2rem auto}}
article{{border-left:4px solid #4b9fff;background:#1a222b;padding:.6rem 1rem;margin:.8rem 0}}
h1 small,time{{color:#93a1b0;font-weight:normal}}
pre{{white-space:pre-wrap;font:inherit;margin:.3rem 0}}
</style>
<h1>Hộp thư trực <small>Duty inbox</small></h1>{articles}</html>"""
ARTICLE = "<article><time>{time}</time> <b>{to}</b> · {channel}<pre>{subject}\n{body}</pre></article>"
EMPTY = "<p>Chưa có tin nhắn. <small>No messages yet.</small></p>"


@dataclass(frozen=True, slots=True)
class Letter:
    """One message as it arrived. `to`: a contact id or a phone number."""

    at: datetime
    channel: str
    to: str
    subject: str
    body: str


class Inbox:
    """Takes messages under `/CHANNEL/ADDRESS` and lists them under `/`."""

    def __init__(self, on_letter: Callable[[Letter], None]) -> None:
        self._letters: deque[Letter] = deque(maxlen=KEPT)
        self._on_letter = on_letter

    def app(self) -> web.Application:
        """The web application."""
        app = web.Application()
        app.router.add_get("/", self._show)
        app.router.add_post("/{channel}/{to}", self._take)
        return app

    async def _take(self, request: web.Request) -> web.Response:
        sent = await request.json()
        letter = Letter(
            datetime.now(UTC).astimezone(ZONE),
            request.match_info["channel"],
            request.match_info["to"],
            sent.get("title", ""),
            sent.get("message", ""),
        )
        self._letters.appendleft(letter)
        self._on_letter(letter)
        return web.Response(text="ok")

    async def _show(self, _request: web.Request) -> web.Response:
        articles = "".join(map(_article, self._letters)) or EMPTY
        return web.Response(text=PAGE.format(articles=articles), content_type="text/html")


def _article(letter: Letter) -> str:
    texts = (letter.to, letter.channel, letter.subject, letter.body)
    to, channel, subject, body = map(html.escape, texts)
    time = letter.at.strftime("%H:%M:%S")
    return ARTICLE.format(time=time, to=to, channel=channel, subject=subject, body=body)
