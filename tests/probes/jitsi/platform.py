"""A meeting platform on 127.0.0.1: a real nginx in front as docker-jitsi-meet has it, a real Prosody, and a
stand-in for Jicofo that is connected to it as a component (XEP-0114).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path

from probes.testing import Authority
from tests.probes.daemons import free_ports, listening, need

PAGE = """<!DOCTYPE html><html><head><title>Họp trực tuyến Thanh Hóa</title>
<script src="libs/lib-jitsi-meet.min.js?v=1"></script></head><body><div id="react"></div></body></html>
"""

CONFIG = """// Jitsi Meet configuration.
var config = {};
config.hosts = {};
config.hosts.domain = 'meet.test';
var subdir = '<!--# echo var="subdir" default="" -->';
if (subdir.startsWith('<!--')) {
    subdir = '';
}
config.hosts.muc = 'muc.meet.test';
config.bosh = '/' + subdir + 'http-bind';
config.websocket = 'wss://' + window.location.host + '/' + subdir + 'xmpp-websocket';
"""

GUESTS = "config.hosts.anonymousdomain = 'guest.meet.test';\n"

_NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{}}
http {{
  access_log off; {temporary}
  types {{ text/html html; application/javascript js; }}
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  server {{
    listen 127.0.0.1:{web} ssl;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    root {folder}/web;
    index index.html;
    location = /http-bind {{
      proxy_set_header Host meet.test;
      proxy_pass http://127.0.0.1:{xmpp}/http-bind?prefix=&$args;
    }}
    location = /xmpp-websocket {{
      proxy_http_version 1.1;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Host meet.test;
      proxy_pass http://127.0.0.1:{xmpp}/xmpp-websocket?prefix=&$args;
    }}
    {more}
  }}
}}
"""

_PROSODY = """
run_as_root = true
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{}}
s2s_ports = {{}}
http_ports = {{ {xmpp} }}
http_interfaces = {{ "127.0.0.1" }}
https_ports = {{}}
component_ports = {{ {component} }}
component_interfaces = {{ "127.0.0.1" }}
allow_unencrypted_plain_auth = true
modules_enabled = {{ "saslauth", "disco", "ping", "external_services" }}
modules_disabled = {{ "s2s" }}
plugin_paths = {{ "{folder}/plugins" }}
consider_bosh_secure = {secure}
consider_websocket_secure = {secure}
http_default_host = "meet.test"
external_services = {{ {services} }}
data_path = "{folder}/data"
log = {{ info = "{folder}/prosody.log" }}
VirtualHost "meet.test"
  authentication = "{authentication}"
  modules_enabled = {{ {transports} }}
VirtualHost "guest.meet.test"
  authentication = "anonymous"
Component "focus.meet.test"
  component_secret = "focus-secret"
{more}
"""


@dataclass
class Platform:
    """Where everything is. `services`: what Prosody announces, in its own words."""

    folder: Path
    authority: Authority
    web: int
    xmpp: int
    component: int
    media: int
    config: str = CONFIG
    page: str = PAGE
    services: str = ""
    authentication: str = "anonymous"
    transports: str = '"bosh", "websocket"'
    secure: bool = True
    users: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def front(self, more: str = "") -> Iterator[None]:
        """nginx; `more` stands in its server."""
        web = self.folder / "web"
        web.mkdir(exist_ok=True)
        (web / "index.html").write_text(self.page)
        (web / "config.js").write_text(self.config)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        text = _NGINX.format(
            folder=self.folder,
            temporary="".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in kinds),
            certificate=self.authority.issue("IP:127.0.0.1,IP:::1", 90),
            key=self.authority.folder / "key.pem",
            web=self.web,
            xmpp=self.xmpp,
            more=more,
        )
        (self.folder / "nginx.conf").write_text(text)
        program = need("nginx", "nginx-light")
        with listening([program, "-p", str(self.folder), "-c", f"{self.folder}/nginx.conf"], [self.web]):
            yield

    @contextmanager
    def prosody(self, more: str = "") -> Iterator[None]:
        """Prosody; `more` are further hosts."""
        accounts = self.folder / "data" / "meet%2etest" / "accounts"
        accounts.mkdir(parents=True, exist_ok=True)
        for user, password in self.users.items():
            (accounts / f"{user}.dat").write_text(f'return {{ ["password"] = "{password}" }}')
        text = _PROSODY.format(
            folder=self.folder,
            xmpp=self.xmpp,
            component=self.component,
            authentication=self.authentication,
            transports=self.transports,
            services=self.services,
            secure=str(self.secure).lower(),
            more=more,
        )
        (self.folder / "prosody.cfg.lua").write_text(text)
        program = need("prosody", "prosody")
        with listening(
            [program, "-F", "--config", f"{self.folder}/prosody.cfg.lua"], [self.xmpp, self.component]
        ):
            yield

    @asynccontextmanager
    async def jicofo(self, error: str = "") -> AsyncIterator[None]:
        """The focus: answers every request well, or with `error`."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.component)
        writer.write(
            b"<stream:stream xmlns='jabber:component:accept' to='focus.meet.test' "
            b"xmlns:stream='http://etherx.jabber.org/streams'>"
        )
        match = re.search(
            rb"id=['\"]([^'\"]+)", await reader.readuntil(b"<stream:stream") + await reader.readuntil(b">")
        )
        assert match is not None
        digest = sha1(match[1] + b"focus-secret").hexdigest()
        writer.write(f"<handshake>{digest}</handshake>".encode())
        await reader.readuntil(b"<handshake")
        answering = asyncio.create_task(_answer(reader, writer, error))
        try:
            yield
        finally:
            answering.cancel()
            with suppress(asyncio.CancelledError):
                await answering
            writer.transport.abort()

    @asynccontextmanager
    async def whole(self) -> AsyncIterator[None]:
        """Everything but the relays."""
        with self.prosody(), self.front():
            async with self.jicofo():
                yield


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, error: str) -> None:
    while True:
        head = await reader.readuntil(b">")
        iq = re.search(rb"<iq [^>]*>", head)
        if iq is None:
            continue
        named = dict(re.findall(rb"(\w+)=['\"]([^'\"]*)['\"]", iq[0]))
        kind, body = (
            "error",
            f"<error type='cancel'><{error} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
        )
        if not error:
            kind, body = "result", ""
        writer.write(
            f"<iq type='{kind}' id='{named[b'id'].decode()}' from='focus.meet.test' "
            f"to='{named[b'from'].decode()}'>{body}</iq>".encode()
        )


def make_platform(folder: Path, authority: Authority) -> Platform:
    """A platform that is to be; nothing runs yet."""
    web, xmpp, component, media = free_ports(4)
    return Platform(folder, authority, web, xmpp, component, media)
