"""The one-shot probe, `ping_many`, and what happens without raw sockets."""

import json
import os
import shutil
import sys
from ipaddress import ip_address
from pathlib import Path

import icmplib
import pytest

from probes.icmp import ProbePermissionError, Settings, ping_many, probe
from probes.icmp.engine import Engine
from probes.sample import Reason, Target
from tests.network import Namespace

ROOT = Path(__file__).parents[3]
QUICK = Settings(count=3, interval_s=0.02, timeout_s=0.3)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root (raw sockets)")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
async def test_a_host_that_answers(host: str) -> None:
    sample = await probe(Target("a", host), QUICK, 5.0)
    assert (sample.ok, sample.reason, sample.facts["received"]) == (True, None, "3")


async def test_a_silent_host_is_a_timeout(namespace: Namespace) -> None:
    namespace.rule("input", "ip daddr 10.50.1.1 drop")
    with namespace.entered():
        sample = await probe(Target("a", "10.50.1.1"), QUICK, 5.0)
    assert (sample.ok, sample.reason) == (False, Reason.TIMEOUT)


async def test_a_refused_host_is_unreachable_and_tells_by_whom(namespace: Namespace) -> None:
    namespace.rule("input", "ip daddr 10.50.1.1 reject with icmp type host-unreachable")
    with namespace.entered():
        sample = await probe(Target("a", "10.50.1.1"), QUICK, 5.0)
    assert sample.reason is Reason.UNREACHABLE
    assert sample.detail == "ICMP type 3 code 1 from 10.50.1.1"


async def test_a_machine_that_refuses_to_send_is_not_a_silent_host(namespace: Namespace) -> None:
    namespace.rule("output", "icmp type echo-request drop")
    with namespace.entered():
        sample = await probe(Target("a", "10.50.1.1"), QUICK, 5.0)
    assert sample.reason is Reason.PERMISSION
    assert sample.detail == "not sent: Operation not permitted"


async def test_no_route_is_unreachable(namespace: Namespace) -> None:
    with namespace.entered():
        sample = await probe(Target("a", "10.99.0.1"), QUICK, 5.0)
    assert (sample.reason, sample.detail) == (Reason.UNREACHABLE, "not sent: Network is unreachable")


async def test_nothing_is_sent_outside_the_scope() -> None:
    sample = await probe(Target("a", "127.0.0.1", allows=lambda _ip: False), QUICK, 5.0)
    assert sample.reason is Reason.PERMISSION
    assert "scope" in sample.detail


@pytest.mark.parametrize("host", ["no.such.host.invalid", "bad..name", "x" * 300])
async def test_a_name_that_leads_nowhere_is_named(host: str) -> None:
    sample = await probe(Target("a", host), QUICK, 5.0)
    assert sample.reason is Reason.RESOLVE
    assert sample.detail.startswith(host[:40])


async def test_the_deadline_is_kept() -> None:
    slow = Settings(count=50, interval_s=1.0, timeout_s=3.0)
    sample = await probe(Target("a", "127.0.0.1"), slow, 0.4)
    assert sample.duration_s < 1.0
    assert sample.ok


def test_settings_that_cannot_be_sent_are_refused() -> None:
    with pytest.raises(ValueError, match="1 or more"):
        Settings(count=0)


def test_many_hosts_are_summed_up_and_progress_is_told(namespace: Namespace) -> None:
    namespace.rule("input", "ip daddr 10.50.0.8/29 drop")
    hosts = {f"h{i}": ip_address(f"10.50.0.{i}") for i in range(1, 16)}
    seen: list[tuple[int, int]] = []
    with namespace.entered():
        summary = ping_many(hosts, 4, 0.02, 0.3, on_progress=lambda *at: seen.append(at))
    total = summary["total"]
    assert (total["sent"], total["received"], total["lost"]) == (60, 28, 32)
    assert total["loss_ratio"] == pytest.approx(32 / 60)
    assert 0 <= total["min_s"] <= total["p50_s"] <= total["p95_s"] <= total["p99_s"] <= total["max_s"]
    assert [host["target"] for host in summary["targets"]] == list(hosts)
    assert {host["received"] for host in summary["targets"]} == {0, 4}
    assert summary["targets"][8]["mean_s"] is None
    assert seen[-1] == (60, 60)
    json.dumps(summary)


def test_icmplib_measures_the_same(namespace: Namespace) -> None:
    namespace.rule("input", "ip daddr 10.50.1.2 drop")
    for address, alive in (("10.50.1.1", True), ("10.50.1.2", False)):
        with namespace.entered():
            theirs = icmplib.ping(address, count=3, interval=0.02, timeout=0.2)
            ours = ping_many({"a": ip_address(address)}, 3, 0.02, 0.2)["total"]
        assert (theirs.is_alive, theirs.packets_received) == (alive, ours["received"])
        assert theirs.packet_loss == ours["loss_ratio"]
    assert theirs.packets_sent == ours["sent"] == 3


UNPRIVILEGED = """
import json, sys
from ipaddress import ip_address
from probes.icmp import ProbePermissionError, ping_many
try:
    hosts = {a: ip_address(a) for a in sys.argv[1:]}
    print(json.dumps(ping_many(hosts, 5, 0.02, 0.5)))
except ProbePermissionError as error:
    print(json.dumps(str(error)))
"""


def ping_without_raw_sockets(namespace: Namespace, *hosts: str) -> dict[str, list[dict[str, object]]]:
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv: apt-get install util-linux")
    dropped = ("setpriv", "--inh-caps=-all", "--bounding-set=-net_raw,-net_admin")
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{UNPRIVILEGED}"
    return json.loads(namespace.run(*dropped, sys.executable, "-c", code, *hosts))  # type: ignore[no-any-return]


def test_datagram_sockets_serve_where_raw_ones_are_forbidden(namespace: Namespace) -> None:
    namespace.run("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
    namespace.rule("input", "ip daddr 10.50.1.2 reject with icmp type host-unreachable")
    namespace.rule("input", "ip6 daddr fd50::2 reject with icmpv6 type addr-unreachable")
    namespace.rule("input", "ip daddr 10.50.1.3 drop")
    hosts = ("10.50.1.1", "10.50.1.2", "10.50.1.3", "::1", "fd50::2")
    results = {host["target"]: host for host in ping_without_raw_sockets(namespace, *hosts)["targets"]}
    assert [results[host]["received"] for host in hosts] == [5, 0, 0, 5, 0]
    assert [results[host]["lost"] for host in hosts] == [0, 5, 5, 0, 5]
    assert results["10.50.1.2"]["error"] == "ICMP type 3 code 1 from 10.50.1.2"
    assert str(results["fd50::2"]["error"]).startswith("ICMP type 1 code 3 from ")
    assert "error" not in results["10.50.1.3"]


def test_a_refusal_is_never_taken_for_anothers_on_datagram_sockets(namespace: Namespace) -> None:
    """The kernel hands an ICMP error of one target to whichever system call comes next."""
    namespace.run("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
    namespace.rule("input", "ip daddr 10.50.2.0/24 reject with icmp type host-unreachable")
    good, bad = [[f"10.50.{net}.{host}" for host in range(1, 41)] for net in (1, 2)]
    hosts = [host for pair in zip(good, bad, strict=True) for host in pair]
    results = {host["target"]: host for host in ping_without_raw_sockets(namespace, *hosts)["targets"]}
    assert {host: results[host]["received"] for host in good} == dict.fromkeys(good, 5)
    assert {host: results[host]["lost"] for host in bad} == dict.fromkeys(bad, 5)


def test_without_any_icmp_socket_the_error_names_what_mends_it(namespace: Namespace) -> None:
    namespace.run("sysctl", "-qw", "net.ipv4.ping_group_range=1 0")
    message = ping_without_raw_sockets(namespace, "10.50.1.1")
    assert "setcap cap_net_raw+ep" in message
    assert "sysctl -w net.ipv4.ping_group_range" in message
    assert issubclass(ProbePermissionError, PermissionError)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_a_pinger_that_has_died(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(_engine: Engine, _now: float, _limit: int) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Engine, "take", die)
    with pytest.raises(RuntimeError, match="died"):
        ping_many({"here": ip_address("127.0.0.1")})
