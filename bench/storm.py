"""5,000 targets behind one upstream, cut and healed at once, with the shipped rules."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.network import Echoes, heal, silence
from bench.row import Figure, Pace, Row
from bench.sampler import Sampler
from bench.tools import NAMESPACE
from bench.watched import SETTLED_S, LagWatch, await_all_up, service, stage, targets
from probes.icmp import ConfirmationBudget
from tests.live.watch import wait_for

CHILDREN = 5_000
UPSTREAM = {"id": "core", "kind": "link", "address": "10.50.0.10", "emergency": True}
EVERYTHING = "10.50.0.0/16"
CUT_S, QUIET_S = 45, 30
"""Longer than the `for` and `keep_firing_for` of the children's rules."""

BRIEF_S = 2
"""A cut that is over before anybody needs to be told."""

RATE_STEP_S = 1.0


class EchoRate(Sampler):
    """Most echo requests sent within a second."""

    def __init__(self, echoes: Echoes) -> None:
        super().__init__()
        self.most = 0.0
        self._echoes = echoes

    def _run(self) -> None:
        sent, at = self._echoes.sent(), time.monotonic()
        while not self._over.wait(RATE_STEP_S):
            now_sent, now = self._echoes.sent(), time.monotonic()
            self.most = max(self.most, (now_sent - sent) / (now - at))
            sent, at = now_sent, now


def measure(pace: Pace) -> Iterator[Figure]:
    """Cut, wait, heal, wait; in a quick run there are fewer children."""
    count = pace.pick(CHILDREN, CHILDREN // 5)
    with stage() as on, service(on, [UPSTREAM, *targets(count, via=["core"])]) as watch:
        await_all_up(watch, count + 1)
        time.sleep(SETTLED_S)
        silence(on.inside, EVERYTHING)
        time.sleep(BRIEF_S)
        heal(on.inside, EVERYTHING)
        time.sleep(SETTLED_S)
        brief = len(on.pages.messages)
        with EchoRate(Echoes(on.inside)) as rate, LagWatch(watch) as lag:
            cut_at = time.monotonic()
            silence(on.inside, EVERYTHING)
            wait_for(lambda: on.pages.messages[brief:], 30)
            time.sleep(CUT_S)
            heal(on.inside, EVERYTHING)
            wait_for(lambda: all(found["state"] == "resolved" for found in watch.incidents()), 90)
            time.sleep(QUIET_S)
        found = watch.incidents()
    messages = on.pages.messages[brief:]
    yield Figure(f"messages for a cut of {BRIEF_S} s before that", brief, at_most=0)
    yield Figure("incidents", len(found), at_least=1, at_most=1)
    yield Figure("cut to page", messages[0][0] - cut_at, "s", at_most=3)
    yield Figure("messages: the page and the all-clear", len(messages), at_least=2, at_most=2)
    yield Figure("targets shown as its impact", len(found[0]["impact"]), at_least=count)
    budget = count + 1 + ConfirmationBudget().per_second
    yield Figure("echo requests in a second at most", rate.most, at_most=budget, note="regular and budget")
    yield Figure("slowest answer of the API meanwhile", lag.worst_s, "s", at_most=0.5)


ROWS = (Row("storm", "5,000 targets behind one upstream cut at once, then healed", measure, NAMESPACE),)
