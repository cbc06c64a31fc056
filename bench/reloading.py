"""SIGHUP on a running service of 10,000 targets: what goes on without a gap, and what is held up."""

from __future__ import annotations

import re
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from bench.network import addresses, silence
from bench.process import PYTHON, Spell, memory_mb
from bench.row import Figure, Pace, Row
from bench.tools import NAMESPACE
from bench.watched import Document, LagWatch, Stage, Watched, await_all_up, scrape, service, stage, targets
from tests.live.watch import inventory, wait_for

TARGETS = 10_000
EACH = 100
"""So many targets are added, so many removed, so many changed."""

CUT = 5
FILLED_S = 70
"""By then the window on which loss is judged says something of every target: it takes 60 samples."""

SPELL_S = 8.0
"""So long is looked at, with a reload and, for comparison, without one."""

PATIENCE_S = 60
RELOADS = 10
ORGANIZATIONS = {"org": {"name": "Nhà mạng"}, "other": {"name": "Nhà mạng khác"}}
SENT, LOSS, ALERTS = "linkwatch_icmp_sent_total", "linkwatch_icmp_loss_ratio", "linkwatch_alerts"
MISSED, DROPS = "linkwatch_missed_schedules_total", "linkwatch_icmp_receive_drops_total"
OWN = 'alertname="Linkwatch'
"""Alerts of LinkWatch about itself: a bad file is one."""

TARGET, ALERT = re.compile(r'target="([^"]*)"'), re.compile(r'alertname="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Look:
    """The service at one moment. `judged`: targets whose loss can be judged; `lossy`: who lost something."""

    sent: dict[str, float]
    judged: set[str]
    lossy: set[str]
    missed: float
    alerts: dict[str, float]
    incidents: list[int]
    pages: int


class Reloads:
    """One running service, and the files that it is given."""

    def __init__(self, on: Stage, watch: Watched, watched: list[Document]) -> None:
        self._on, self._watch, self._targets = on, watch, watched
        self.cut = {target["id"] for target in watched[:CUT]}
        self._running = watched

    def same(self) -> set[str]:
        """Write the file that is in use; the targets that stay as they were."""
        self._write(self._running)
        return {target["id"] for target in self._running}

    def different(self) -> set[str]:
        """Some targets more, some less, some changed; the targets that stay as they were."""
        rest, spare = self._targets[CUT + EACH : -EACH], addresses(TARGETS + EACH)[TARGETS:]
        changed = [{**target, "owner": "other"} for target in self._targets[CUT : CUT + EACH]]
        added = [{"id": f"new-{i:05}", "address": address} for i, address in enumerate(spare)]
        self._running = [*self._targets[:CUT], *changed, *rest, *added]
        self._write(self._running)
        return {target["id"] for target in rest}

    def first(self) -> None:
        """Write the file of the start."""
        self._running = self._targets
        self._write(self._running)

    def broken(self) -> set[str]:
        """Write a file with a mistake at its end: it is read to there, and changes nothing."""
        self._write([*self._running, {"id": "last", "address": "10.50.0.9", "clas": "fibre"}])
        return {target["id"] for target in self._running}

    def reload(self) -> float:
        """SIGHUP; seconds until the log says what came of it."""
        began, answers = time.monotonic(), self._answers()
        self._watch.signal(signal.SIGHUP)
        wait_for(lambda: self._answers() > answers, PATIENCE_S)
        return time.monotonic() - began

    def worst_lag_s(self, since_s: float) -> float:
        """The worst lag of the event loop since then (monotonic seconds)."""
        lines = (line.split() for line in lag_file(self._on).read_text().splitlines())
        return max(float(lag_s) for at_s, lag_s in lines if float(at_s) > since_s)

    def look(self) -> Look:
        """What there is to be kept."""
        found = scrape(self._watch, SENT, LOSS, ALERTS, MISSED, DROPS)
        loss = {
            name: {_target(s): v for s, v in found.values[LOSS] if f'"{name}"' in s} for name in ("1m", "5m")
        }
        return Look(
            sent={_target(series): value for series, value in found.values[SENT]},
            judged=set(loss["5m"]),
            lossy={target for target, ratio in loss["1m"].items() if ratio > 0},
            missed=found.total(MISSED) + found.total(DROPS),
            alerts={series: value for series, value in found.values[ALERTS] if value and OWN not in series},
            incidents=[incident["id"] for incident in self._watch.incidents()],
            pages=len(self._on.pages.messages),
        )

    def _write(self, watched: list[Document]) -> None:
        document = inventory(self._on.folder, watched, organizations=ORGANIZATIONS)
        self._watch.file.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper, allow_unicode=True))

    def _answers(self) -> int:
        return self._watch.log.count("reloaded")


def measure(pace: Pace) -> Iterator[Figure]:
    """The same file, another one, a bad one; then many, for the memory."""
    watched = targets(TARGETS)
    for target in watched[:CUT]:
        target["emergency"] = True
    with stage() as on, service(on, watched, runner(on), organizations=ORGANIZATIONS) as watch:
        await_all_up(watch, TARGETS)
        time.sleep(pace.pick(FILLED_S, 10))
        reloads = Reloads(on, watch, watched)
        silence(on.inside, *addresses(CUT))
        wait_for(lambda: len(on.pages.messages) >= CUT, 30)
        began_s = time.monotonic()
        with LagWatch(watch) as lag:
            spell = Spell(watch.pid)
            time.sleep(SPELL_S)
            usual_s = spell.used_s
        yield Figure("worst lag of the event loop without a reload", reloads.worst_lag_s(began_s) * 1e3, "ms")
        yield Figure("slowest answer of the API without a reload", lag.worst_s * 1e3, "ms")
        for what, write in (
            ("the same", reloads.same),
            ("300 others", reloads.different),
            ("a bad file", reloads.broken),
        ):
            yield from one(what, write, reloads, watch, usual_s)
        yield from many(reloads, watch, pace.pick(RELOADS, 3))


def runner(on: Stage) -> tuple[str, ...]:
    """A LinkWatch that writes down how late its event loop is."""
    return (PYTHON, "-m", "bench.subjects.lag", str(lag_file(on)))


def lag_file(on: Stage) -> Path:
    """Where the service writes down how late its event loop was."""
    return on.folder / "lags"


def one(
    what: str, write: Callable[[], set[str]], reloads: Reloads, watch: Watched, usual_s: float
) -> Iterator[Figure]:
    """One reload between two looks. `usual_s`: CPU of such a spell without one."""
    before, stays, began_s = reloads.look(), write(), time.monotonic()
    with LagWatch(watch) as lag:
        spell = Spell(watch.pid)
        lasted_s = reloads.reload()
        time.sleep(max(0.0, SPELL_S - spell.lasted_s))
        used_s = spell.used_s
    after = reloads.look()
    yield Figure(f"{what}: SIGHUP to done", lasted_s, "s")
    yield Figure(f"{what}: CPU", used_s - usual_s, "s")
    lag_s = reloads.worst_lag_s(began_s)
    yield Figure(f"{what}: worst lag of the event loop", lag_s * 1e3, "ms", at_most=60)
    yield Figure(f"{what}: slowest answer of the API", lag.worst_s * 1e3, "ms")
    yield Figure(f"{what}: targets with a gap in what was sent", gaps(before, after, stays), at_most=0)
    yield Figure(f"{what}: windows lost", len((before.judged & stays) - after.judged), at_most=0)
    yield Figure(f"{what}: false loss", len((after.lossy & stays) - reloads.cut), at_most=0)
    yield Figure(f"{what}: missed schedules and drops", after.missed - before.missed, at_most=0)
    what_changed = differences(before, after)
    yield Figure(
        f"{what}: alerts, incidents, pages changed",
        len(what_changed),
        at_most=0,
        note=", ".join(what_changed),
    )


def differences(before: Look, after: Look) -> list[str]:
    """What became of alerts, incidents and pages."""
    alerts = [series for series, count in after.alerts.items() if before.alerts.get(series) != count]
    names = [found[1] for series in alerts if (found := ALERT.search(series))]
    names += ["an alert less"] * len(before.alerts.keys() - after.alerts.keys())
    names += ["incidents"] * (before.incidents != after.incidents)
    return names + ["pages"] * (before.pages != after.pages)


def gaps(before: Look, after: Look, stays: set[str]) -> int:
    """How many targets were sent fewer or more pings than the others, by more than the one at the edge."""
    sent = {target: after.sent[target] - before.sent[target] for target in stays}
    usual = statistics.median(sent.values())
    return sum(abs(count - usual) > 1 for count in sent.values())


def many(reloads: Reloads, watch: Watched, count: int) -> Iterator[Figure]:
    """Memory before and after reloads to and fro."""
    reloads.first()
    reloads.reload()
    time.sleep(SPELL_S)
    before_mb = memory_mb(watch.pid)
    for number in range(count):
        (reloads.first if number % 2 else reloads.different)()
        reloads.reload()
    time.sleep(SPELL_S)
    yield Figure(f"memory grown by {count} reloads", memory_mb(watch.pid) - before_mb, "MB", at_most=10)
    yield Figure("memory at most", memory_mb(watch.pid, "VmHWM"), "MB")


def _target(series: str) -> str:
    found = TARGET.search(series)
    assert found is not None
    return found[1]


ROWS = (
    Row(
        "reload",
        "SIGHUP with 10,000 targets at 1 Hz: 100 added, 100 removed, 100 changed",
        measure,
        NAMESPACE,
    ),
)
