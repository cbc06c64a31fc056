"""The shipped proxy in a real nginx: who gets in, who does not and what it is told, and what gets through."""

from __future__ import annotations

import http.client
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from probes.jitsi.finding import State
from probes.jitsi.inside import Inside
from probes.sample import Reason
from tests.probes.daemons import free_ports, listening, need
from tests.probes.jitsi.inside.looking import failed, place, read, unseen, value
from tests.probes.jitsi.inside.peers import prosody
from tests.probes.jitsi.inside.standins import Jicofo, Jvb

SHIPPED = Path(__file__).parents[4] / "deploy" / "jitsi"
CLOSED = "127.0.0.1:1"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_in(tmp_path_factory.mktemp("certificates"))


def made_in(folder: Path, days: int = 825) -> Path:
    """The shipped script, run there."""
    need("openssl", "openssl")
    words = ["sh", str(SHIPPED / "certificates.sh"), "127.0.0.1", str(days)]
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
    return folder


@contextmanager
def proxy(
    folder: Path, certificates: Path, behind: Mapping[str, str], allowed: str = "127.0.0.1"
) -> Iterator[str]:
    """The shipped file, nothing changed but addresses and paths; `behind`: 8080 -> HOST:PORT and so on."""
    [port] = free_ports(1)
    text = (SHIPPED / "inside.conf").read_text()
    for old, new in {
        "listen 8443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "/etc/linkwatch-inside/": f"{certificates}/",
        "allow 10.1.0.10;": f"allow {allowed};",
        **{f"127.0.0.1:{number}/": f"{behind.get(number, CLOSED)}/" for number in ("8080", "8888", "5280")},
    }.items():
        assert old in text
        text = text.replace(old, new)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; master_process off; pid {folder}/nginx.pid; events {{}} error_log {folder}/error.log;"
        f"http {{ access_log off; {temporary}\n{text}\n}}"
    )
    with listening([need("nginx", "nginx-light"), "-p", str(folder), "-c", str(config)], [port]):
        yield f"https://127.0.0.1:{port}"


def way(url: str, certificates: Path, client: Path | None = None, **more: str) -> Inside:
    shown = client or certificates
    given = {
        "ca_file": str(certificates / "ca.pem"),
        "client_cert_file": str(shown / "client.pem"),
        "client_key_file": str(shown / "client.key"),
        **more,
    }
    return Inside(bridges=(f"{url}/jvb",), **given)


@pytest.mark.parametrize("has_stats", [True, False], ids=["colibri-stats", "metrics"])
async def test_the_allowed_client_reads_everything(
    tmp_path: Path, certificates: Path, has_stats: bool
) -> None:
    jvb, jicofo = Jvb(has_stats=has_stats), Jicofo(has_stats=has_stats)
    jicofo.selects(bridge_count=1, operational_bridge_count=1)
    async with jvb.serving() as one, jicofo.serving() as two:
        with prosody(tmp_path, health=(200, "OK")) as three:
            behind = {"8080": place(one), "8888": place(two), "5280": place(three)}
            with proxy(tmp_path, certificates, behind) as url:
                inside = way(url, certificates, jicofo=f"{url}/jicofo", prosody=f"{url}/prosody")
                reading = await read(inside)
    assert [each.state for each in reading.findings] == [State.GOOD] * 4
    assert value(reading, "bridge_participants", bridge=f"{place(url)}/jvb") == 30
    assert value(reading, "signalling_sessions", transport="bosh") == 0
    assert "2.3-235-ga29d97d1" in reading.facts["versions"]


async def test_who_is_not_let_in_hears_why(
    tmp_path: Path, certificates: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    strange = made_in(tmp_path_factory.mktemp("strange"))
    jvb = Jvb()
    async with jvb.serving() as url:
        with proxy(tmp_path, certificates, {"8080": place(url)}) as front:
            none = way(front, certificates, client_cert_file="", client_key_file="")
            wrong = way(front, certificates, client=strange)
            unknown = way(front, certificates, ca_file=str(strange / "ca.pem"))
            told = [unseen(await read(each)) for each in (none, wrong, unknown)]
        with proxy(tmp_path, certificates, {"8080": place(url)}, allowed="127.0.0.9") as front:
            told.append(unseen(await read(way(front, certificates))))
    details = [(reason, detail.partition(": ")[2]) for [(_, reason, detail)] in told]
    assert details[0] == (
        Reason.TLS,
        "/colibri/stats: it wants a client certificate and got none: set client_cert_file",
    )
    assert details[1] == (
        Reason.TLS,
        "/colibri/stats: it refuses our client certificate: expired, or signed by another CA",
    )
    assert details[2][0] is Reason.TLS
    assert "/colibri/stats: certificate of 127.0.0.1: " in details[2][1]
    assert details[3] == (
        Reason.AUTH,
        "/colibri/stats: status 403: this machine's address is not on its list, or it does not expose "
        "this path",
    )
    assert jvb.asked == []


async def test_an_expired_certificate_is_refused(
    tmp_path: Path, certificates: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    old = tmp_path_factory.mktemp("old")
    for name in ("ca.pem", "ca.key"):
        (old / name).write_bytes((certificates / name).read_bytes())
    made_in(old, days=-1)
    async with Jvb().serving() as url:
        with proxy(tmp_path, certificates, {"8080": place(url)}) as front:
            [(_, reason, detail)] = unseen(await read(way(front, certificates, client=old)))
    assert reason is Reason.TLS
    assert "it refuses our client certificate: expired, or signed by another CA" in detail


async def test_a_bridge_that_is_down_behind_the_proxy_is_told_from_a_closed_way(
    tmp_path: Path, certificates: Path
) -> None:
    with proxy(tmp_path, certificates, {}) as front:
        [(_, reason, detail)] = failed(await read(way(front, certificates)))
    assert reason is Reason.PROTOCOL
    assert detail.endswith("/colibri/stats: status 502: the proxy answers, what it leads to does not")


REFUSED = [
    ("GET", "/"),
    ("GET", "/jvb/"),
    ("GET", "/jvb/debug"),
    ("GET", "/jvb/about/health/x"),
    ("GET", "/jvb/colibri/stats/../v2/conferences"),
    ("GET", "/jvb/colibri/stats%2f..%2fshutdown"),
    ("GET", "/jvb/colibri/drain"),
    ("POST", "/jvb/colibri/shutdown"),
    ("POST", "/jvb/colibri/drain/enable"),
    ("POST", "/jvb/colibri/stats"),
    ("PATCH", "/jvb/colibri/v2/conferences"),
    ("DELETE", "/jvb/metrics"),
    ("GET", "/jicofo/debug"),
    ("GET", "/jicofo/move-endpoints/move-fraction?bridge=a"),
    ("GET", "/jicofo/rtcstats"),
    ("POST", "/jicofo/conference-request/v1"),
    ("GET", "/prosody/http-bind"),
    ("GET", "/prosody/admin"),
]


async def test_nothing_but_reading_gets_through(tmp_path: Path, certificates: Path) -> None:
    jvb, jicofo = Jvb(), Jicofo()
    context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    context.load_cert_chain(certificates / "client.pem", certificates / "client.key")
    async with jvb.serving() as one, jicofo.serving() as two:
        behind = {"8080": place(one), "8888": place(two), "5280": place(two)}
        with proxy(tmp_path, certificates, behind) as front:
            statuses = {each: status_of(front, context, *each) for each in REFUSED}
    assert set(statuses.values()) <= {404, 405}, statuses
    assert (jvb.asked, jicofo.asked) == ([], [])


def status_of(front: str, context: ssl.SSLContext, method: str, path: str) -> int:
    """Nothing of it reaches our own loop, so that it may stand still meanwhile."""
    connection = http.client.HTTPSConnection(place(front), context=context, timeout=5)
    try:
        connection.request(method, path, body="{}" if method in ("POST", "PATCH") else None)
        return connection.getresponse().status
    finally:
        connection.close()
