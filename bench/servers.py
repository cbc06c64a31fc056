"""The peers of service checks, on 127.0.0.1 of a namespace: nginx, dnsmasq, and servers that hang."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.process import Subject, running
from bench.tools import DNSMASQ, NGINX
from probes.testing import Authority, make_authority
from tests.live.watch import wait_for
from tests.network import Namespace

HOST = "127.0.0.1"
TLS_PORT, PLAIN_PORT, DNS_PORT = 18443, 18090, 18053
SILENT_PORT, TRICKLING_PORT, DROPPED_PORT = 18500, 18501, 18502
NAME, ADDRESS = "ok.lw.test", "10.1.2.3"
_LISTEN = "0A"  # proc(5), net/tcp
PAGE = "Cong dich vu cong truc tuyen"

_NGINX = """
daemon off; master_process off; user root; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; ssl_session_cache off; ssl_session_tickets off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen {host}:{plain} backlog=4096; return 200 "{page}"; }}
  server {{
    listen {host}:{tls} ssl backlog=4096;
    ssl_certificate {certificate}; ssl_certificate_key {key};
    default_type text/html;
    location / {{ return 200 "{page}"; }}
  }}
}}
"""

_DNSMASQ = (
    *("--keep-in-foreground", "--no-resolv", "--no-hosts", "--bind-interfaces", "--user=root"),
    *("--pid-file", "--conf-file=/dev/null", f"--port={DNS_PORT}", f"--listen-address={HOST}"),
    *("--local=/lw.test/", f"--address=/{NAME}/{ADDRESS}"),
)


@contextmanager
def serving(inside: Namespace, folder: Path) -> Iterator[Authority]:
    """nginx (plain HTTP, and TLS) and dnsmasq; yields the CA of the certificate."""
    authority = make_authority(folder)
    certificate = authority.issue(f"IP:{HOST},DNS:{NAME}", 90)
    config = folder / "nginx.conf"
    config.write_text(
        _NGINX.format(
            folder=folder,
            host=HOST,
            plain=PLAIN_PORT,
            tls=TLS_PORT,
            page=PAGE,
            certificate=certificate,
            key=folder / "key.pem",
        )
    )
    with ExitStack() as processes:
        web = inside.command(NGINX.name, "-p", str(folder), "-c", str(config))
        processes.enter_context(running(web, folder / "nginx.out"))
        names = inside.command(DNSMASQ.name, *_DNSMASQ)
        processes.enter_context(running(names, folder / "dnsmasq.log"))
        await_listening(inside, PLAIN_PORT, TLS_PORT, DNS_PORT)
        yield authority


@contextmanager
def hanging(inside: Namespace, authority: Authority) -> Iterator[None]:
    """One that accepts and says nothing, one whose page never ends, and a port where packets are dropped."""
    certificate = authority.issue(f"IP:{HOST}", 60)
    inside.rule("input", f"tcp dport {DROPPED_PORT} drop")
    inside.rule("input", f"udp dport {DROPPED_PORT} drop")
    key = authority.folder / "key.pem"
    with Subject("hanging", HOST, SILENT_PORT, TRICKLING_PORT, certificate, key, inside=inside.command()):
        yield


def await_listening(inside: Namespace, *ports: int) -> None:
    """Return when somebody listens on each of these TCP ports."""
    wait_for(lambda: _listening(inside) >= set(ports))


def _listening(inside: Namespace) -> set[int]:
    lines = inside.run("cat", "/proc/net/tcp", "/proc/net/tcp6").splitlines()
    rows = (line.split() for line in lines)
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == _LISTEN}
