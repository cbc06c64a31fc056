"""LinkWatch with a stopwatch on each of its parts: `python -m bench.subjects.parts FILE run INVENTORY`.

Every second FILE is written anew: CPU milliseconds so far by part. Threads are read from the kernel. The
event loop's thread is divided by what it is inside of, the innermost part counts; parts are named by the
public methods where they begin, so that a method that has moved is an error and not a silent zero.
"""

from __future__ import annotations

import gc
import json
import sys
import threading
import time
import types
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp.web_protocol import RequestHandler

from linkwatch.cli import main as linkwatch
from linkwatch.core.rules import AlertMachine
from linkwatch.flow.deliver import Deliverer
from linkwatch.flow.echoes import EchoRecord
from linkwatch.flow.incidents import Incidents
from linkwatch.flow.judge import Judge
from linkwatch.flow.measure import Measurer
from linkwatch.store.store import Store
from linkwatch.web.exposition import Exposition

Wrap = Callable[[str, Callable[..., Any]], Callable[..., Any]]
Places = dict[str, list[tuple[type, str]]]

CALLS: Places = {"rules": [(AlertMachine, "step")], "record": [(EchoRecord, "take")]}
CALLS["windows"] = [(EchoRecord, "publish_counters"), (EchoRecord, "publish_rollups")]
COROUTINES: Places = {
    "judge": [(Judge, "turn")],
    "incidents": [(Incidents, "judge")],
    "deliver": [(Deliverer, "run")],
    "measure": [(Measurer, "run")],
    "web": [(RequestHandler, "start")],
    "store": [(Store, "commit")],
}
GENERATORS: Places = {"windows": [(EchoRecord, "publish_windows")], "scrape": [(Exposition, "blocks")]}
OTHER = "event loop and rest"


class Stopwatches:
    """CPU seconds of the event loop's thread by part."""

    def __init__(self) -> None:
        self.used_s: dict[str, float] = defaultdict(float)
        self._inside = [OTHER]
        self._since_s = time.thread_time()
        self._thread = threading.get_ident()

    @contextmanager
    def on(self, part: str) -> Iterator[None]:
        """What is used inside the block belongs to `part`, but for parts within it."""
        if threading.get_ident() != self._thread:
            yield
            return
        self._settle()
        self._inside.append(part)
        try:
            yield
        finally:
            self._settle()
            self._inside.pop()

    def _settle(self) -> None:
        now_s = time.thread_time()
        self.used_s[self._inside[-1]] += now_s - self._since_s
        self._since_s = now_s


WATCHES = Stopwatches()


def watch_call(part: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def watched(*args: Any, **kwargs: Any) -> Any:
        with WATCHES.on(part):
            return call(*args, **kwargs)

    return watched


def watch_coroutine(part: str, call: Callable[..., Any]) -> Callable[..., Any]:
    async def watched(*args: Any, **kwargs: Any) -> Any:
        return await steps(part, call(*args, **kwargs))

    return watched


def watch_generator(part: str, call: Callable[..., Any]) -> Callable[..., Any]:
    async def watched(*args: Any, **kwargs: Any) -> Any:
        inner = call(*args, **kwargs)
        while True:
            try:
                item = await steps(part, anext(inner))
            except StopAsyncIteration:
                return
            yield item

    return watched


@types.coroutine
def steps(part: str, awaitable: Any) -> Generator[Any, Any, Any]:
    """Await something with the stopwatch on while it runs, and off while it waits."""
    inner = awaitable.__await__()
    act: Callable[[], Any] = inner.__next__
    while True:
        try:
            with WATCHES.on(part):
                waited_for = act()
        except StopIteration as finished:
            return finished.value
        try:
            received = yield waited_for
        except BaseException as error:
            act = partial(inner.throw, error)
        else:
            act = inner.__next__ if received is None else partial(inner.send, received)


def watch_collections() -> None:
    """Garbage collection happens inside of whatever runs; it is shown apart."""
    open_blocks: list[Any] = []

    def note(phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            block = WATCHES.on("gc")
            block.__enter__()
            open_blocks.append(block)
        elif open_blocks:
            open_blocks.pop().__exit__(None, None, None)

    gc.callbacks.append(note)


def install() -> None:
    """Put a stopwatch on every part."""
    wrapped: tuple[tuple[Wrap, Places], ...] = (
        (watch_call, CALLS),
        (watch_coroutine, COROUTINES),
        (watch_generator, GENERATORS),
    )
    for wrap, places in wrapped:
        for part, methods in places.items():
            for owner, name in methods:
                setattr(owner, name, wrap(part, getattr(owner, name)))
    watch_collections()


def threads_ms() -> dict[str, float]:
    """CPU milliseconds of the other threads, by the first word of their names."""
    used: dict[str, float] = defaultdict(float)
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and thread.native_id is not None:
            spent_ns = int(Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text().split()[0])
            used[f"thread {thread.name.partition('_')[0]}"] += spent_ns / 1e6
    return used


def report_each_second(file: Path) -> None:
    while True:
        loop_ms = {part: used_s * 1e3 for part, used_s in list(WATCHES.used_s.items())}
        beside = file.with_suffix(".new")
        beside.write_text(json.dumps({"at": time.monotonic(), "ms": loop_ms | threads_ms()}))
        beside.replace(file)
        time.sleep(1.0)


if __name__ == "__main__":
    install()
    file = Path(sys.argv.pop(1))
    threading.Thread(target=report_each_second, args=(file,), name="reporter", daemon=True).start()
    linkwatch()
