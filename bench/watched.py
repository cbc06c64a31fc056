"""`linkwatch run` on thousands of targets in a namespace of its own, with a sink for its pages."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.network import addresses, namespace
from bench.sampler import Sampler
from tests.live.watch import LINKWATCH, Inbox, Watch, inbox, inventory
from tests.network import Namespace

START_S = 120.0
SETTLED_S = 15
"""By then the first long windows, label texts and garbage are made."""

LAG_STEP_S = 0.02
LOG = "linkwatch.log"

Document = dict[str, Any]


class Watched(Watch):
    """A service whose process can be measured; what it writes goes to a file, so that no pipe fills up."""

    runner: Sequence[str] = ()
    """What runs in place of the command: a program that runs it and measures it from within."""

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has written so far."""
        return (self._folder / LOG).read_text()

    def launch(self) -> None:
        """Start it, and wait for nothing."""
        self._process = self._open(LINKWATCH, "run", str(self.file))

    def start(self, within_s: float = START_S) -> None:
        """Start it; returns when it has judged once. Raises RuntimeError with what it said if it ends."""
        try:
            super().start(within_s)
        except AssertionError:
            raise RuntimeError(f"the service did not start: {self.log.strip()}") from None

    def _open(self, *words: str) -> subprocess.Popen[str]:
        command, *arguments = words
        command_line = [*(self.runner or (command,)), *arguments]
        with open(self._folder / LOG, "a") as log:
            return subprocess.Popen(
                self._namespace.command(*command_line), stdout=subprocess.DEVNULL, stderr=log, text=True
            )


@dataclass(slots=True)
class Scrape:
    """/metrics at one moment: values by metric, in the order of the text."""

    size: int
    values: dict[str, list[tuple[str, float]]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str, names: Sequence[str]) -> Scrape:
        """Keep the metrics of these names."""
        found = cls(len(text), {name: [] for name in names})
        for line in text.splitlines():
            name, brace, rest = line.partition("{")
            if not brace:
                name, _, rest = line.partition(" ")
            if name in found.values:
                labels, _, value = rest.rpartition(" ")
                found.values[name].append((labels, float(value)))
        return found

    def all(self, name: str, label: str = "") -> list[float]:
        """The values of a metric, where the labels have this text in them."""
        return [value for labels, value in self.values[name] if label in labels]

    def total(self, name: str, label: str = "") -> float:
        """Their sum."""
        return sum(self.all(name, label))


def targets(count: int, **more: Any) -> list[Document]:
    """So many links that answer."""
    return [{"id": f"link-{i:05}", "address": address, **more} for i, address in enumerate(addresses(count))]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a service runs: its network, its folder, and the pages it has sent."""

    inside: Namespace
    folder: Path
    pages: Inbox


@contextmanager
def stage() -> Iterator[Stage]:
    """A network, a folder and a sink, all gone with the block."""
    with namespace() as inside, tempfile.TemporaryDirectory() as folder, inbox(inside) as pages:
        yield Stage(inside, Path(folder), pages)


@contextmanager
def service(
    on: Stage, watched: Sequence[Document], runner: Sequence[str] = (), **more: Any
) -> Iterator[Watched]:
    """A running service that has judged once; `more`: other parts of the inventory."""
    watch = Watched(on.inside, on.folder, inventory(on.folder, list(watched), **more))
    watch.runner = runner
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


def scrape(watch: Watched, *names: str) -> Scrape:
    """/metrics now."""
    return Scrape.parse(watch.get("/metrics"), names)


def await_all_up(watch: Watched, count: int, within_s: float = START_S) -> None:
    """Return when every target was seen up."""
    until = time.monotonic() + within_s
    while scrape(watch, "linkwatch_up").total("linkwatch_up") < count:
        if time.monotonic() > until:
            raise TimeoutError(f"not all of {count} targets are up after {within_s:g} s")
        time.sleep(0.5)


def quick_rules(folder: Path, rules: Mapping[str, str]) -> list[str]:
    """A rule file beside the inventory: alert name -> expression; no `for`. As `rules` of the inventory."""
    entries = "".join(
        f"      - alert: {name}\n        expr: {expression}\n        labels: {{severity: critical}}\n"
        f'        annotations: {{summary: "{{{{ $labels.target }}}} {name}"}}\n'
        for name, expression in rules.items()
    )
    (folder / "bench.yml").write_text(f"groups:\n  - name: bench\n    rules:\n{entries}")
    return ["bench.yml"]


class LagWatch(Sampler):
    """How long an answer of /healthz took at worst: what anybody sees of the event loop."""

    def __init__(self, watch: Watched) -> None:
        super().__init__()
        self.worst_s = 0.0
        self._watch = watch

    def _run(self) -> None:
        while not self._over.wait(LAG_STEP_S):
            began = time.monotonic()
            self._watch.get("/readyz")
            self.worst_s = max(self.worst_s, time.monotonic() - began)
