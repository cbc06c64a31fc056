"""From a cut to the page, beside Prometheus; and cuts so short that nobody may be paged."""

from __future__ import annotations

import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.network import addresses, heal, namespace, silence
from bench.process import Spell
from bench.prometheus import TOOLS, stack
from bench.row import Figure, Pace, Row
from bench.tools import NAMESPACE
from bench.watched import SETTLED_S, await_all_up, quick_rules, scrape, service, stage, targets
from tests.network import Namespace

TARGETS, PEER_TARGETS = 10_000, 1_000
BETWEEN_S = 1.0
RHYTHM_S, FORGOTTEN_S = 1.0, 6.0
"""How often everybody is pinged; how long after a cut nothing of it is left."""
GIVEN_UP_S = 30.0
DOWN = {"TargetDown": "linkwatch_up == 0"}
BRIEF_S = (1, 2, 5, 10)
EACH = 20
BLIPS = "linkwatch_blips"


def measure_cuts(pace: Pace) -> Iterator[Figure]:
    """The service with its 10,000 targets, then Prometheus with 1,000 in the same network."""
    cuts = pace.pick(20, 4)
    delays_s, wrong, cores = our_delays_s(cuts)
    peer_s, peer_cores = prometheus_delays_s(cuts) if all(tool.found for tool in TOOLS) else (None, None)
    name = f"Prometheus, {PEER_TARGETS:,}" if peer_s else ""
    for what, pick, limit in (("median", statistics.median, 1.5), ("worst", max, 3.0)):
        yield Figure(f"cut to page, {what}", pick(delays_s), "s", at_most=limit)
        if peer_s:
            yield Figure(f"beside {name}, {what}", pick(delays_s), "s", peer=pick(peer_s), peer_name=name)
    yield Figure("pages for targets that were not cut", wrong, at_most=0)
    yield Figure("CPU of one core meanwhile", cores, "%", peer=peer_cores, peer_name=name)


def our_delays_s(cuts: int) -> tuple[list[float], int, float]:
    """Delay of each cut, wrong pages, CPU."""
    with stage() as on, service(on, targets(TARGETS), rules=quick_rules(on.folder, DOWN)) as watch:
        await_all_up(watch, TARGETS)
        time.sleep(SETTLED_S)
        hosts = dict(zip(addresses(TARGETS), (f"link-{i:05}" for i in range(TARGETS)), strict=True))

        def pages_of(address: str) -> list[float]:
            return [at for at, _, text in on.pages.messages if f" {hosts[address]}" in text.splitlines()[0]]

        spell = Spell(watch.pid)
        chosen, delays_s = cut_one_by_one(on.inside, list(hosts), cuts, pages_of)
        cores_percent = spell.cores_percent
        cut_ids = {hosts[address] for address in chosen}
        wrong = [page for page in on.pages.subjects() if not any(name in page for name in cut_ids)]
    return delays_s, len(wrong), cores_percent


def prometheus_delays_s(cuts: int) -> tuple[list[float], float]:
    """Delay of each cut, CPU of the three."""
    hosts = addresses(PEER_TARGETS)
    with (
        namespace() as inside,
        tempfile.TemporaryDirectory() as folder,
        stack(inside, Path(folder), hosts) as made,
    ):
        time.sleep(SETTLED_S)
        spell = Spell(*made.pids)

        def pages_of(address: str) -> list[float]:
            return [at for at, instance in made.pages if instance == address]

        _, delays_s = cut_one_by_one(inside, hosts, cuts, pages_of)
        return delays_s, spell.cores_percent


def cut_one_by_one(
    inside: Namespace, hosts: Sequence[str], cuts: int, pages_of: Callable[[str], list[float]]
) -> tuple[list[str], list[float]]:
    """Cut hosts at random moments; which, and seconds to the page of each cut (30 if none came).

    Each is cut twice, the second time half a round later than the first: a cut waits for the next ping for
    anything up to a round, and so few cuts would else tell more of the dice than of who is measured.
    """
    dice = random.Random(3)
    chosen, delays_s = dice.sample(hosts, cuts // 2), []
    for address in chosen:
        time.sleep(BETWEEN_S + dice.random())
        first_at = time.monotonic()
        delays_s.append(delay_s(inside, address, pages_of))
        rounds = math.ceil((time.monotonic() + FORGOTTEN_S - first_at) / RHYTHM_S)
        time.sleep(first_at + (rounds + 0.5) * RHYTHM_S - time.monotonic())
        delays_s.append(delay_s(inside, address, pages_of))
    return chosen, delays_s


def delay_s(inside: Namespace, address: str, pages_of: Callable[[str], list[float]]) -> float:
    """Seconds from a cut to the first page after it; heals it again."""
    cut_at = time.monotonic()
    silence(inside, address)
    while not (later := [at for at in pages_of(address) if at > cut_at]):
        if time.monotonic() > cut_at + GIVEN_UP_S:
            break
        time.sleep(0.01)
    heal(inside, address)
    return min(later) - cut_at if later else GIVEN_UP_S


def measure_brief_cuts(pace: Pace) -> Iterator[Figure]:
    """20 ordinary targets each for 1, 2, 5 and 10 s, with the shipped rules."""
    rounds = BRIEF_S[: pace.pick(len(BRIEF_S), 2)]
    count = EACH * len(BRIEF_S)
    with stage() as on, service(on, targets(count)) as watch:
        await_all_up(watch, count)
        time.sleep(SETTLED_S)
        for n, lasts_s in enumerate(rounds):
            cut = addresses(count)[n * EACH : (n + 1) * EACH]
            silence(on.inside, *cut)
            time.sleep(lasts_s)
            heal(on.inside, *cut)
        time.sleep(SETTLED_S)
        seen = dict(scrape(watch, BLIPS).values[BLIPS])
        pages, incidents = len(on.pages.messages), len(watch.incidents())
    for n, lasts_s in enumerate(rounds):
        names = [f'target="link-{i:05}"' for i in range(n * EACH, (n + 1) * EACH)]
        counted = sum(blips_of(seen, name) == 1 for name in names)
        yield Figure(f"cuts of {lasts_s} s counted as one blip", counted, f"of {EACH}", at_least=EACH)
    yield Figure("pages", pages, at_most=0)
    yield Figure("incidents", incidents, at_most=0)


def blips_of(seen: dict[str, float], target: str) -> float:
    """The value of the longest window."""
    return next(value for labels, value in seen.items() if target in labels and 'window="1h"' in labels)


ROWS = (
    Row("cut", "cut to page, a rule without for, 10,000 targets", measure_cuts, NAMESPACE, TOOLS),
    Row("blips", "shipped rules, cuts of 1, 2, 5 and 10 s: nobody paged", measure_brief_cuts, NAMESPACE),
)
