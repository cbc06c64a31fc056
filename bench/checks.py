"""A thousand mixed service checks every 10 s, beside blackbox_exporter; and the same where some hang."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import yaml

from bench import servers
from bench.process import PYTHON, Spell, Subject, memory_mb, running
from bench.row import Figure, Pace, Row
from bench.servers import ADDRESS, HOST, NAME, PAGE
from bench.subjects.asking import EVERY_S
from bench.tools import BLACKBOX, DNSMASQ, NAMESPACE, NGINX, OPENSSL
from bench.watched import (
    SETTLED_S,
    Document,
    Stage,
    Watched,
    await_all_up,
    scrape,
    service,
    stage,
)
from probes.testing import Authority

CHECKS, HANGING = 1_000, 200
TIMEOUT_S = 5
LATE_S = 0.2
BLACKBOX_PORT = 19115

MISSED, UP, FAILURES = (
    "linkwatch_missed_schedules_total",
    "linkwatch_up",
    "linkwatch_probe_failures_total",
)


def checks(count: int, authority: Authority) -> list[Document]:
    """So many targets with one check each, as many of every kind."""
    trusting = {"ca_file": str(authority.ca_file)}
    kinds: tuple[tuple[str, Document], ...] = (
        (f"{HOST}:{servers.PLAIN_PORT}", {"type": "tcp"}),
        (f"{HOST}:{servers.TLS_PORT}", {"type": "tls", "server_name": NAME, **trusting}),
        (f"https://{HOST}:{servers.TLS_PORT}/", {"type": "http", "body_matches": PAGE, **trusting}),
        (f"{HOST}:{servers.DNS_PORT}", {"type": "dns", "query": NAME, "answers": [ADDRESS]}),
    )
    return _targets("good", count, kinds)


def hanging_checks(count: int, authority: Authority) -> list[Document]:
    """So many targets whose checks never end: silence at every step, and a page that trickles."""
    trusting = {"ca_file": str(authority.ca_file)}
    silent, dropped = (f"{HOST}:{port}" for port in (servers.SILENT_PORT, servers.DROPPED_PORT))
    kinds: tuple[tuple[str, Document], ...] = (
        (silent, {"type": "tcp", "dialogue": "expect ^220"}),
        (dropped, {"type": "tcp"}),
        (silent, {"type": "tls"}),
        (f"https://{silent}/", {"type": "http", **trusting}),
        (f"https://{HOST}:{servers.TRICKLING_PORT}/", {"type": "http", **trusting}),
        (dropped, {"type": "dns", "query": NAME}),
    )
    return _targets("hanging", count, kinds)


def _targets(group: str, count: int, kinds: Sequence[tuple[str, Document]]) -> list[Document]:
    pace = {"interval": f"{EVERY_S:g}s", "timeout": f"{TIMEOUT_S}s"}
    return [
        {"id": f"{group}-{i:04}", "address": address, "probes": [{**probe, **pace}]}
        for i in range(count)
        for address, probe in [kinds[i % len(kinds)]]
    ]


def measure_checks(pace: Pace) -> Iterator[Figure]:
    """CPU of the whole service with the shipped rules and a scrape each round, then of the exporter."""
    seconds = pace.pick(60, 20)
    with stage() as on, servers.serving(on.inside, on.folder) as authority:
        idle_percent = idle(on, seconds)
        with service(on, checks(CHECKS, authority)) as watch:
            await_all_up(watch, CHECKS)
            time.sleep(SETTLED_S)
            ours_percent, memory = spell_of(watch, seconds), memory_mb(watch.pid)
            seen = scrape(watch, MISSED, FAILURES)
        peer = exporter(on, authority, seconds) if BLACKBOX.found else {}
    note, per_cent = f"{ours_percent * EVERY_S * 10 / CHECKS:.2f} ms a check", peer.get("percent")
    yield Figure("CPU of one core", ours_percent, "%", 1.5, None, per_cent, BLACKBOX.name, note)
    yield Figure("missed schedules", seen.total(MISSED), at_most=0)
    yield Figure("failed checks", seen.total(FAILURES), at_most=0)
    if peer:
        yield Figure("the exporter's failed checks", peer["failed"], at_most=0)
    yield Figure("CPU of the service with nothing to check", idle_percent, "%")
    yield Figure("memory", memory, "MB", peer=peer.get("memory_mb"), peer_name=BLACKBOX.name)


def idle(on: Stage, seconds: float) -> float:
    """Percent of a core that the service takes with one check an hour."""
    watched = [{"id": "idle", "address": HOST, "probes": [{"type": "tcp", "port": 9, "interval": "1h"}]}]
    with service(on, watched) as watch:
        time.sleep(SETTLED_S)
        return spell_of(watch, seconds)


def spell_of(watch: Watched, seconds: float) -> float:
    """Percent of a core, with a scrape each round as Prometheus would make it."""
    spell = Spell(watch.pid)
    while spell.lasted_s < seconds:
        scrape(watch)
        time.sleep(EVERY_S - spell.lasted_s % EVERY_S)
    return spell.cores_percent


def exporter(on: Stage, authority: Authority, seconds: float) -> Mapping[str, float]:
    """The same checks by blackbox_exporter."""
    config, urls = on.folder / "blackbox.yml", on.folder / "urls"
    config.write_text(yaml.safe_dump({"modules": modules(authority)}))
    urls.write_text("\n".join(probe_urls(CHECKS)))
    command = (BLACKBOX.name, f"--config.file={config}", f"--web.listen-address={HOST}:{BLACKBOX_PORT}")
    with running(on.inside.command(*command), on.folder / "blackbox.log") as process:
        servers.await_listening(on.inside, BLACKBOX_PORT)
        with Subject("asking", urls, inside=on.inside.command()) as asking:
            time.sleep(SETTLED_S)
            spell = Spell(process.pid)
            time.sleep(seconds)
            found = {"percent": spell.cores_percent, "memory_mb": memory_mb(process.pid)}
            counts = json.loads(asking.finish())
    return {**found, "failed": counts["failed"]}


def modules(authority: Authority) -> dict[str, Any]:
    """The same questions, in the exporter's words."""
    trusting = {"tls_config": {"ca_file": str(authority.ca_file)}}
    named = {"tls_config": {"ca_file": str(authority.ca_file), "server_name": NAME}}
    http = {"fail_if_body_not_matches_regexp": [PAGE], "preferred_ip_protocol": "ip4", **trusting}
    answer = {"fail_if_not_matches_regexp": [rf".*\sA\s{ADDRESS}$"]}
    dns = {"query_name": NAME, "query_type": "A", "validate_answer_rrs": answer}
    kinds: dict[str, Document] = {
        "tcp": {"prober": "tcp"},
        "tls": {"prober": "tcp", "tcp": {"tls": True, **named}},
        "http": {"prober": "http", "http": http},
        "dns": {"prober": "dns", "dns": dns},
    }
    return {name: {"timeout": f"{TIMEOUT_S}s", **kind} for name, kind in kinds.items()}


def probe_urls(count: int) -> list[str]:
    """What to ask the exporter for."""
    targets = {
        "tcp": f"{HOST}:{servers.PLAIN_PORT}",
        "tls": f"{HOST}:{servers.TLS_PORT}",
        "http": f"https://{HOST}:{servers.TLS_PORT}/",
        "dns": f"{HOST}:{servers.DNS_PORT}",
    }
    queries = [urlencode({"module": module, "target": target}) for module, target in targets.items()]
    return [f"http://{HOST}:{BLACKBOX_PORT}/probe?{queries[i % len(queries)]}" for i in range(count)]


def measure_hanging(pace: Pace) -> Iterator[Figure]:
    """800 that answer beside 200 that never do."""
    seconds = pace.pick(60, 20)
    with stage() as on, servers.serving(on.inside, on.folder) as authority:
        good, hanging = CHECKS - HANGING, HANGING
        watched = checks(good, authority) + hanging_checks(hanging, authority)
        report = on.folder / "lateness.json"
        runner = (PYTHON, "-m", "bench.subjects.lateness", str(report))
        with servers.hanging(on.inside, authority), service(on, watched, runner) as watch:
            await_all_up(watch, good)
            time.sleep(SETTLED_S)
            settled_s = time.monotonic()
            time.sleep(seconds)
            seen = scrape(watch, MISSED, FAILURES)
            told = json.loads(report.read_text())
    yield Figure("latest start of another check", latest_s(told["good"], settled_s), "s", LATE_S)
    yield Figure("the same while the service starts", latest_s(told["good"]), "s")
    waited_s = latest_s(told["machine"], settled_s)
    yield Figure("other programs kept it waiting", waited_s, "s", note="in the worst second")
    yield Figure("latest start of one that hangs", latest_s(told["hanging"], settled_s), "s", LATE_S)
    yield Figure("missed schedules", seen.total(MISSED), at_most=0)
    yield Figure("failures of other checks", seen.total(FAILURES, 'target="good'), at_most=0)
    yield Figure("failures told as time-outs", seen.total(FAILURES, 'reason="timeout"'), at_least=hanging)


def latest_s(told: Mapping[str, float], since_s: float = 0.0) -> float:
    """The latest start since a moment, both in monotonic seconds, which all processes share."""
    return max(late_s for second, late_s in told.items() if float(second) >= since_s)


NEEDS = (*NAMESPACE, NGINX, DNSMASQ, OPENSSL)
ROWS = (
    Row("checks", "1,000 tcp, tls, http and dns checks every 10 s", measure_checks, NEEDS, (BLACKBOX,)),
    Row("hanging", "the same with 200 of them hanging", measure_hanging, NEEDS),
)
