"""A small public-service portal behind nginx: log-in form with a CSRF token, JSON API, payment page.

Any of its pages can be broken from outside, so that a journey fails there.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from aiohttp import web

from tests.probes.daemons import free_ports, listening, need

USER, PASSWORD = "nguyen.van.a", "m4t-kh4u & <1>"
DOSSIER = "HS 2021/07"

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]

_FORM = """<!doctype html><form method="post" action="session?flow={flow}&amp;step=1">
<input type="hidden" name="csrf" value="{csrf}">
<input name="user"><input name="password" type="password"></form>
"""


class Portal:
    """`broken[path]` replaces the page at `path`; `pay_link` is where its payments lead."""

    def __init__(self) -> None:
        self.broken: dict[str, Handle] = {}
        self.pay_link = "/pay/{dossier}?ticket={ticket}"
        self.issued: list[str] = []
        self.heard: list[str] = []
        self._sessions: dict[str, str] = {}

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        app = web.Application(middlewares=[self._break])
        app.router.add_get("/login", self._show_form)
        app.router.add_post("/session", self._log_in)
        app.router.add_get("/home", self._show_home)
        app.router.add_get("/api/token", self._give_token)
        app.router.add_get("/api/dossiers", self._list_dossiers)
        app.router.add_post("/api/payments", self._start_payment)
        app.router.add_get("/pay/{dossier}", self._show_payment)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()

    @web.middleware
    async def _break(self, request: web.Request, handler: Handle) -> web.StreamResponse:
        self.heard.append(request.path)
        return await self.broken.get(request.path, handler)(request)

    def _new_secret(self) -> str:
        self.issued.append(secrets.token_urlsafe(18) + "/+=")
        return self.issued[-1]

    async def _show_form(self, _request: web.Request) -> web.Response:
        session, csrf = secrets.token_hex(12), self._new_secret()
        self.issued.append(session)
        self._sessions[session] = csrf
        page = web.Response(text=_FORM.format(flow="a", csrf=csrf), content_type="text/html")
        page.set_cookie("sid", session, httponly=True)
        return page

    async def _log_in(self, request: web.Request) -> web.Response:
        form = await request.post()
        if form.get("csrf") != self._csrf(request) or not request.headers["Referer"].endswith("/login"):
            raise web.HTTPForbidden
        if (form.get("user"), form.get("password")) != (USER, PASSWORD) or request.query.get("step") != "1":
            return web.Response(text="Sai mật khẩu")
        raise web.HTTPSeeOther("/home")

    async def _show_home(self, request: web.Request) -> web.Response:
        self._csrf(request)
        return web.Response(text=f"Xin chào {USER}", headers={"X-Request-Id": "r-77"})

    async def _give_token(self, request: web.Request) -> web.Response:
        self._token = self._new_secret()
        return web.json_response({"access": {"token": self._token, "csrf": self._csrf(request)}})

    async def _list_dossiers(self, request: web.Request) -> web.Response:
        self._require_token(request)
        return web.json_response({"items": [{"id": DOSSIER, "fee": 50_000, "paid": False}]})

    async def _start_payment(self, request: web.Request) -> web.Response:
        self._require_token(request)
        dossier = (await request.json())["dossier"]
        link = self.pay_link.format(dossier=dossier.replace(" ", "%20").replace("/", "%2F"), ticket="t-1")
        return web.json_response({"link": link}, status=201)

    async def _show_payment(self, request: web.Request) -> web.Response:
        self._csrf(request)
        assert request.match_info["dossier"] == DOSSIER
        return web.Response(text="Thanh toán 50.000 đồng: chọn ngân hàng")

    def _csrf(self, request: web.Request) -> str:
        csrf = self._sessions.get(request.cookies.get("sid", ""))
        if csrf is None:
            raise web.HTTPUnauthorized
        return csrf

    def _require_token(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {self._token}":
            raise web.HTTPUnauthorized


@contextmanager
def nginx_before(folder: Path, upstream: int, files: tuple[Path, Path]) -> Iterator[int]:
    """TLS on a port of its own, and the portal behind it."""
    [port] = free_ports(1)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; master_process off; pid {folder}/nginx.pid; events {{}} error_log {folder}/error.log;"
        f"http {{ access_log off; {temporary} server {{ listen 127.0.0.1:{port} ssl;"
        f" ssl_certificate {files[0]}; ssl_certificate_key {files[1]};"
        f" location / {{ proxy_pass http://127.0.0.1:{upstream}; proxy_set_header Host $http_host; }} }} }}"
    )
    with listening([need("nginx", "nginx-light"), "-p", str(folder), "-c", str(config)], [port]):
        yield port
