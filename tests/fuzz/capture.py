"""Makes the captures again: `sudo .venv/bin/python -m tests.fuzz.capture [PROTOCOL…]`.

Each protocol's own probe asks the real peer of its tests through a relay that writes down what comes back. It
needs what the tests need (`.ci/run` installs it). The answers differ in ids, times and ports from run to run;
the fuzz tests rely on none of these.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import OCSPCertStatus

from probes import registry
from probes.sample import Target
from probes.snmp.testing import snmpd
from probes.testing import make_authority
from tests.fuzz.corpus import FOLDER
from tests.fuzz.recording import recorded_datagrams, recorded_stream
from tests.probes.coturn import USER, coturn
from tests.probes.http.pages import redirect_to, serve
from tests.probes.http.peers import lighttpd, tinyproxy
from tests.probes.jitsi.inside.peers import prometheus, up_of
from tests.probes.jitsi.inside.peers import prosody as inner_prosody
from tests.probes.jitsi.inside.standins import Jicofo, Jvb
from tests.probes.jitsi.platform import make_platform
from tests.probes.servers import chronyd, dnsmasq, unbound
from tests.probes.sip.kamailio import kamailio
from tests.probes.tls import peers
from tests.probes.tls.pki import NAME, Pki
from tests.routed import DESTINATION, RoutedNetwork, routed_network

DEADLINE_S = 5.0
CAMERAS = Path(__file__).parents[1] / "probes" / "rtsp" / "gst_server.py"
CAMERA_USER: dict[str, Any] = {"user": "cam", "password": "s3cret"}
MEETING_USER = {"user": "lw", "password": "m4t-khau"}
SNMP_USER: dict[str, Any] = {
    "version": "3",
    "user": "bob",
    "auth_protocol": "sha256",
    "auth_password": "authpass123",
}
ZONE = (
    "--local=/lw.test/",
    "--host-record=ok.lw.test,10.1.2.3,fd00::3",
    "--cname=alias.lw.test,ok.lw.test",
    "--mx-host=lw.test,mail.lw.test,10",
    "--srv-host=_sip._udp.lw.test,ok.lw.test,5060,1,2",
    "--txt-record=lw.test,Thanh Hoa,v=spf1 -all",
)
SOA = "lw.test. 60 IN SOA ns.lw.test. noc.lw.test. 2026112301 3600 600 86400 60"
UNBOUND_ZONE = f"""local-zone: "lw.test." static
  local-data: "{SOA}"
  local-data: "lw.test. 60 IN NS ns.lw.test."
  local-zone: "blocked.test." always_refuse
"""
PAGE = """<html><head><title>Cổng dịch vụ công</title></head><body><form action="/session">
<input type="hidden" name="csrf" value="a1&amp;b2"></form>Xin chào</body></html>"""
DOCUMENT = {
    "access": {"token": "t0ken"},
    "link": "/pay?id=7",
    "rows": [{"id": n, "ok": True} for n in range(9)],
}

Heard = dict[str, list[bytes]]
"""Captures by name."""


async def ask(kind: str, host: str, **settings: Any) -> None:
    """Let a probe of that kind ask; what it makes of the answer does not matter."""
    made = registry.settings_of(kind)(**settings)
    await registry.load_sampling(kind).probe(Target("t", host), made, DEADLINE_S)


class Notebook:
    """Asks by a protocol's probe, through relays; `heard` keeps what the peer said."""

    def __init__(self, kind: str) -> None:
        self.heard: Heard = {}
        self._kind = kind

    async def note(self, name: str, port: int, *, stream: bool = False, **settings: Any) -> None:
        relay = recorded_stream if stream else recorded_datagrams
        async with relay(port, self.heard.setdefault(name, [])) as own:
            await ask(self._kind, f"127.0.0.1:{own}", **settings)


async def of_dns(folder: Path) -> Heard:
    book = Notebook("dns")
    questions = {"a": "ok.lw.test", "aaaa": "ok.lw.test", "cname": "alias.lw.test", "mx": "lw.test"}
    questions |= {"srv": "_sip._udp.lw.test", "txt": "lw.test"}
    with dnsmasq(*ZONE) as port:
        for record, query in questions.items():
            await book.note(record, port, query=query, record=record)
        await book.note("alias", port, query="alias.lw.test", record="A")
        await book.note("missing", port, query="none.lw.test", record="A")
    with unbound(folder, UNBOUND_ZONE) as port:
        await book.note("soa", port, query="lw.test", record="SOA")
        await book.note("ns", port, query="lw.test", record="NS")
        await book.note("refused", port, query="ok.blocked.test", record="A")
    return book.heard


async def of_ntp(folder: Path) -> Heard:
    book = Notebook("ntp")
    for name, more in (("good", "local stratum 8"), ("unsynchronised", "")):
        with chronyd(folder, more) as port:
            await book.note(name, port)
    return book.heard


async def of_stun(_folder: Path) -> Heard:
    book, relayed = (
        Notebook("stun"),
        Notebook("turn"),
    )
    with coturn("--no-tls", *USER) as port:
        await book.note("binding", port)
        await relayed.note("turn-allocate", port, user="lw", password="secret")
        await relayed.note("turn-refused", port, user="lw", password="wrong")
    return {**book.heard, **relayed.heard}


async def of_sip(_folder: Path) -> Heard:
    book = Notebook("sip")
    with kamailio() as port:
        for user in ("", "login", "proxy", "slow", "broken"):
            await book.note(user or "ok", port, user=user)
    return book.heard


@contextmanager
def cameras() -> Iterator[dict[str, int]]:
    """The ports of the RTSP servers, by how one logs in."""
    command = ["/usr/bin/python3", str(CAMERAS)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        yield json.loads(server.stdout.readline())
        server.terminate()


async def of_rtsp(_folder: Path) -> Heard:
    book = Notebook("rtsp")
    looks: dict[str, Any] = {"watch_s": 1.0, "frozen_after_s": 0.5}
    with cameras() as ports:
        for stream in ("/live", "/live-h265", "/live-jpeg"):
            await book.note(stream[1:], ports["open"], stream=True, path=stream, **looks)
        for login in ("digest", "basic"):
            await book.note(login, ports[login], stream=True, path="/live", **looks, **CAMERA_USER)
        await book.note("missing", ports["open"], stream=True, path="/nothing", **looks)
    return book.heard


async def of_snmp(_folder: Path) -> Heard:
    book = Notebook("snmp")
    user = "createUser bob SHA-256 authpass123"
    with snmpd(["rocommunity public", user, "rouser bob auth"]) as port:
        await book.note("v1", port, version="1")
        await book.note("v2c", port)
        await book.note("v3", port, **SNMP_USER)
    return {name: packets[:8] for name, packets in book.heard.items()}


async def _redirect_with_cookie(_request: web.Request) -> web.StreamResponse:
    response = web.Response(status=302, headers={"Location": "/page"})
    response.set_cookie("session", "s3ss10n", path="/", httponly=True, max_age=3600)
    return response


async def _page(_request: web.Request) -> web.StreamResponse:
    response = web.Response(text=PAGE, content_type="text/html")
    response.enable_compression(web.ContentCoding.gzip)
    return response


async def _pieces(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    for piece in json.JSONEncoder().iterencode(DOCUMENT):
        await response.write(piece.encode())
    return response


async def of_http(folder: Path) -> Heard:
    book = Notebook("http")
    login = {"username": "noc", "password": "s3cret-pw"}
    for scheme in ("basic", "digest"):
        with lighttpd(folder, scheme) as port:
            await book.note(scheme, port, stream=True, **login, scheme=scheme)
    pages = {
        "/page": _page,
        "/json": _pieces,
        "/away": _redirect_with_cookie,
        "/round": redirect_to("/round"),
    }
    async with serve(pages) as url:
        port = int(url.rpartition(":")[2])
        for page in pages:
            await book.note(page[1:], port, stream=True, url=page, max_redirects=1)
    with tinyproxy(folder) as port:
        heard = book.heard.setdefault("proxy", [])
        async with recorded_stream(port, heard) as own:
            proxy = f"http://127.0.0.1:{own}"
            for url in ("http://127.0.0.1:9/", f"https://127.0.0.1:{port}/"):
                await ask("http", url, proxy=proxy)
    return book.heard


async def of_starttls(folder: Path) -> Heard:
    pki = Pki(folder)
    files, book = (
        pki.files("good", pki.server(), pki.intermediate),
        Notebook("tls"),
    )

    async def note(protocol: str, port: int) -> None:
        await book.note(protocol, port, stream=True, starttls=protocol, server_name=NAME, ca_file=pki.ca_file)

    with peers.aiosmtpd(files) as port:
        await note("smtp", port)
    with peers.dovecot(folder, files) as ports:
        await note("imap", ports["imap"])
        await note("pop3", ports["pop3"])
    with peers.prosody(folder, files, NAME) as port:
        await note("xmpp", port)
    with peers.slapd(folder, files) as port:
        await note("ldap", port)
    return book.heard


async def of_tcp(_folder: Path) -> Heard:
    book = Notebook("tcp")
    words = "expect ^220\nsend EHLO linkwatch\nexpect ^250 HELP\nsend QUIT\nexpect ^221"
    with peers.aiosmtpd(None) as port:
        await book.note("smtp", port, stream=True, dialogue=words)
    return book.heard


async def of_tls(folder: Path) -> Heard:
    """What is heard of handshakes, and what is in them: certificates and stapled answers, DER."""
    pki = Pki(folder)
    server = pki.server()
    (folder / "good").write_bytes(pki.staple(server))
    files, book = (
        pki.files("good", server, pki.intermediate),
        Notebook("tls"),
    )
    settings: dict[str, Any] = {"stream": True, "server_name": NAME, "ca_file": pki.ca_file}
    for version in ("1.2", "1.3"):
        with peers.s_server(
            files, f"-tls{version.replace('.', '_')}", "-status_file", str(folder / "good")
        ) as port:
            await book.note(f"handshake-{version}", port, **settings)
    chain = [each.certificate.public_bytes(Encoding.DER) for each in (server, pki.intermediate, pki.root)]
    answers = [pki.staple(server, status, None) for status in (OCSPCertStatus.GOOD, OCSPCertStatus.REVOKED)]
    return {**book.heard, "certificate": chain, "staple": [pki.staple(server), *answers]}


@asynccontextmanager
async def _sniffed(network: RoutedNetwork, family: int, protocol: int) -> AsyncIterator[list[bytes]]:
    """All that raw sockets of the source get."""
    heard: list[bytes] = []
    loop = asyncio.get_running_loop()
    with network.entered(), socket.socket(family, socket.SOCK_RAW, protocol) as ear:
        ear.setblocking(False)
        loop.add_reader(ear, lambda: heard.append(ear.recv(1280)))
        try:
            yield heard
            await asyncio.sleep(0.1)
        finally:
            loop.remove_reader(ear)


_V4 = (socket.AF_INET, socket.IPPROTO_ICMP)
_V6 = (socket.AF_INET6, socket.IPPROTO_ICMPV6)


async def of_path(_folder: Path) -> Heard:
    """Traces by each method, of both families: what is heard by ICMP and by TCP."""
    found: Heard = {}
    with routed_network() as network:
        for version, (family, protocol) in ((4, _V4), (6, _V6)):
            for method in ("icmp", "udp", "tcp"):
                by_icmp = _sniffed(network, family, protocol)
                by_tcp = _sniffed(network, family, socket.IPPROTO_TCP)
                async with by_icmp as icmps, by_tcp as segments:
                    await ask("path", DESTINATION[version], method=method, queries=1, hop_timeout_s=0.3)
                found[f"v{version}-{method}"] = _different(icmps)
                if segments:
                    found[f"v{version}-segment"] = _different(segments)
            await _find_narrow(network, version, found)
    return found


async def _find_narrow(network: RoutedNetwork, version: int, found: Heard) -> None:
    network.ip("r3", "link", "set", "l5", "mtu", "1300")
    async with _sniffed(network, *(_V4 if version == 4 else _V6)) as heard:
        await ask("path", DESTINATION[version], mtu=True, hop_timeout_s=0.3, queries=1)
    network.ip("r3", "link", "set", "l5", "mtu", "1500")
    kind, at = (3, 20) if version == 4 else (2, 0)
    found[f"v{version}-narrow"] = _different(packet for packet in heard if packet[at] == kind)


async def of_icmp(_folder: Path) -> Heard:
    """Echo replies, and errors about echo requests."""
    found: Heard = {}
    with routed_network() as network:
        for version, (family, protocol) in ((4, _V4), (6, _V6)):
            address = DESTINATION[version]
            pings = {"count": 2, "interval_s": 0.05, "timeout_s": 0.3}
            async with _sniffed(network, family, protocol) as heard:
                await ask("icmp", address, **pings)
            found[f"v{version}-reply"] = _different(heard)
            word, kind = ("ip", "icmp") if version == 4 else ("ip6", "icmpv6")
            network.run("r3", "nft", "add table inet lw")
            network.run("r3", "nft", "add chain inet lw forward { type filter hook forward priority 0; }")
            network.run(
                "r3",
                "nft",
                f"add rule inet lw forward {word} daddr {address} reject with {kind} type admin-prohibited",
            )
            async with _sniffed(network, family, protocol) as heard:
                await ask("icmp", address, **pings)
            found[f"v{version}-error"] = _different(heard)
            network.mend("r3")
    return found


RELAYS = """
  {{ type = "stun", transport = "udp", host = "127.0.0.1", port = {0} }},
  {{ type = "turns", host = "turn.meet.test", port = 443, secret = "north", algorithm = "turn" }}"""


async def of_jitsi(folder: Path) -> Heard:
    """Signalling of a real Prosody behind nginx, and what stand-ins for bridge and Jicofo tell."""
    found: Heard = {}
    (folder / "ca").mkdir()
    platform = make_platform(folder, make_authority(folder / "ca"))
    platform.services, platform.users = RELAYS.format(9), {"lw": "m4t-khau"}
    for name, authentication, user in (("guest", "anonymous", {}), ("user", "internal_plain", MEETING_USER)):
        platform.authentication = authentication
        xmpp = platform.xmpp
        with platform.prosody():
            async with recorded_stream(xmpp, found.setdefault(name, [])) as platform.xmpp:
                with platform.front():
                    async with platform.jicofo():
                        known: dict[str, Any] = {
                            "ca_file": platform.authority.ca_file,
                            "media_port": 0,
                            **user,
                        }
                        await ask("jitsi", f"127.0.0.1:{platform.web}", **known)
        platform.xmpp = xmpp
    return {**found, **await _of_inner_endpoints(folder)}


async def _of_inner_endpoints(folder: Path) -> Heard:
    book = Notebook("http")
    async with Jvb().serving() as bridge, Jicofo().serving() as jicofo:
        for name, url, statistics in (("bridge", bridge, "/colibri/stats"), ("jicofo", jicofo, "/stats")):
            port = int(url.rpartition(":")[2])
            await book.note(f"{name}-statistics", port, stream=True, url=statistics)
            await book.note(
                f"{name}-series", port, stream=True, url="/metrics", headers={"Accept": "text/plain"}
            )
        with prometheus(folder, {"jvb": [bridge.removeprefix("http://")]}) as url:
            while not up_of(url):  # noqa: ASYNC110 - what changes it is another process
                await asyncio.sleep(0.2)
            port = int(url.rpartition(":")[2])
            query = "/api/v1/query?query=%7Bjob%3D%22jvb%22%7D%5B60s%5D"
            await book.note("prometheus-matrix", port, stream=True, url=query)
    with inner_prosody(folder) as url:
        await book.note("prosody-series", int(url.rpartition(":")[2]), stream=True, url="/metrics")
    return book.heard


def _different(packets: Iterable[bytes]) -> list[bytes]:
    """The first of each kind, told by source (IPv4), type and code."""
    kinds: dict[tuple[object, ...], bytes] = {}
    for packet in packets:
        is_v4 = packet[0] >> 4 == 4
        kinds.setdefault((packet[12:16], packet[20:22]) if is_v4 else (packet[:2],), packet)
    return list(kinds.values())


PROTOCOLS: dict[str, Callable[[Path], Awaitable[Heard]]] = {
    name.removeprefix("of_"): function for name, function in list(globals().items()) if name.startswith("of_")
}


def main(names: list[str]) -> None:
    for name in names or PROTOCOLS:
        with TemporaryDirectory() as folder:
            heard = asyncio.run(_run(PROTOCOLS[name], Path(folder)))
        shutil.rmtree(FOLDER / name, ignore_errors=True)
        (FOLDER / name).mkdir(parents=True)
        for capture, pieces in heard.items():
            for number, piece in enumerate(filter(None, pieces)):
                (FOLDER / name / f"{capture}-{number}.bin").write_bytes(piece)
        print(name, {capture: list(map(len, pieces)) for capture, pieces in heard.items()})


async def _run(make: Callable[[Path], Awaitable[Heard]], folder: Path) -> Heard:
    return await make(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
