"""`linkwatch run` on real things: a gateway, a resolver, an SNMP agent, a web server, in namespaces."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from probes.snmp.testing import SNMPD_MISSING, has_snmpd, snmpd
from tests.live.watch import LINKWATCH, QUICK_RULES, inbox, inventory, wait_for, watching
from tests.network import Namespace, join, own_namespace

pytestmark = pytest.mark.live

GATEWAY, RESOLVER, ROUTER, WEB = "10.60.0.1", "10.61.0.53", "10.61.0.2", "10.61.0.80"
WATCHER = "10.60.0.2"

NGINX = """
daemon off; user root; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen {address}:80; location / {{ return 200 "Cong dich vu cong"; }} }}
}}
"""

RULES = (
    QUICK_RULES
    + """\
      - alert: HttpFailing
        expr: linkwatch_probe_consecutive_failures{probe="http"} >= 3
        labels: {severity: critical}
        annotations: {summary: "web of {{ $labels.target }} fails"}
"""
)


def need(program: str, package: str) -> str:
    path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    if path is None:
        pytest.skip(f"needs {program}: apt-get install {package}")
    return path


@contextmanager
def process(
    namespace: Namespace, *command: str, cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    quiet = subprocess.DEVNULL
    started = subprocess.Popen(namespace.command(*command), cwd=cwd, stdout=quiet, stderr=quiet)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(timeout=15)


@pytest.fixture
def far(namespace: Namespace) -> Iterator[Namespace]:
    """The far side: the gateway of `namespace`, and behind it everything else."""
    with own_namespace() as gateway:
        join(namespace, gateway, "uplink")
        for side, address in ((namespace, WATCHER), (gateway, GATEWAY)):
            side.run("ip", "addr", "add", f"{address}/30", "dev", "uplink")
        for address in (RESOLVER, ROUTER, WEB):
            gateway.run("ip", "addr", "add", f"{address}/32", "dev", "lo")
        namespace.run("ip", "route", "add", "default", "via", GATEWAY)
        yield gateway


@contextmanager
def nginx(namespace: Namespace, folder: Path) -> Iterator[None]:
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, address=WEB))
    with process(namespace, need("nginx", "nginx-light"), "-c", str(config), "-p", str(folder)):
        yield


def test_a_web_server_a_router_and_a_resolver_behind_a_gateway(
    namespace: Namespace, far: Namespace, tmp_path: Path
) -> None:
    if not has_snmpd():
        pytest.skip(SNMPD_MISSING)
    (tmp_path / "quick.yml").write_text(RULES)
    web = {
        "type": "http",
        "interval": "1s",
        "timeout": "1s",
        "url": f"http://{WEB}/",
        "body_matches": "dich vu",
    }
    poll = {"type": "snmp", "interval": "5s", "timeout": "4s", "community": "public", "port": 1161}
    targets = [
        {"id": "gateway", "kind": "router", "address": GATEWAY, "probes": [{"type": "icmp"}]},
        {"id": "resolver", "address": RESOLVER, "via": ["gateway"]},
        {
            "id": "router",
            "kind": "router",
            "address": ROUTER,
            "via": ["gateway"],
            "probes": [{"type": "icmp"}, poll],
        },
        {
            "id": "portal",
            "kind": "portal",
            "address": WEB,
            "via": ["gateway"],
            "probes": [{"type": "icmp"}, web],
        },
    ]
    document = inventory(tmp_path, targets, rules=["quick.yml"], scope=["10.60.0.0/16", "10.61.0.0/16"])
    with ExitStack() as stack:
        pages = stack.enter_context(inbox(namespace))
        with far.entered():
            stack.enter_context(snmpd(["rocommunity public"], ROUTER, 1161))
        web_server = stack.enter_context(ExitStack())
        web_server.enter_context(nginx(far, tmp_path))
        watch = stack.enter_context(watching(namespace, tmp_path, document))
        wait_for(lambda: watch.metric("linkwatch_probe_success", target="portal", probe="http") == 1, 15)
        wait_for(
            lambda: watch.metric("linkwatch_interface_oper_up", target="router", interface="lo") == 1, 15
        )
        assert watch.metric("linkwatch_device_uptime_seconds", target="router") is not None
        web_server.close()  # nginx ends, its host still answers pings
        wait_for(lambda: pages.subjects("portal"), 20)
        (incident,) = watch.incidents()
        assert incident["root"] == "portal"
        watch.get(f"/api/v1/incidents/{incident['id']}/ack", "POST", {"note": "restarting"})
        web_server.enter_context(nginx(far, tmp_path))
        wait_for(lambda: watch.incidents()[0]["state"] == "resolved", 20)
        wait_for(lambda: len(pages.messages) == 3)


def test_without_a_file_the_machine_its_gateway_and_its_resolvers_are_watched(
    namespace: Namespace, far: Namespace, tmp_path: Path
) -> None:
    dnsmasq = need("dnsmasq", "dnsmasq-base")
    etc = Path("/etc/netns") / namespace.name  # ip netns exec lays it over /etc
    etc.mkdir(parents=True)
    (etc / "resolv.conf").write_text(f"nameserver {RESOLVER}\n")
    try:
        listen = ("--no-resolv", "--no-hosts", "--listen-address", RESOLVER, "--bind-interfaces")
        with process(far, dnsmasq, "-k", "-C", "/dev/null", "-u", "root", *listen):
            with process(namespace, LINKWATCH, "run", cwd=tmp_path) as run:
                wait_for(lambda: verdicts(namespace) == {"this-machine": 1, "gateway": 1, "resolver": 1}, 15)
                far.cut("10.60.0.0/16", "10.61.0.0/16")
                wait_for(lambda: verdicts(namespace) == {"this-machine": 1, "gateway": 0, "resolver": 0}, 15)
            assert run.returncode == 0
    finally:
        shutil.rmtree(etc)


def verdicts(namespace: Namespace) -> dict[str, float]:
    """`linkwatch_up` by target, from /metrics, which loopback may read without a key."""
    script = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/metrics').read().decode())"
    try:
        text = namespace.run(sys.executable, "-c", script)
    except subprocess.CalledProcessError:
        return {}
    lines = [line for line in text.splitlines() if line.startswith("linkwatch_up{")]
    return {line.split('"')[1]: float(line.rsplit(" ", 1)[1]) for line in lines}
