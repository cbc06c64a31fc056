"""False downs in a day of links, in virtual time: the engine over an imagined network, judged as usual."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from bench.row import Figure, Pace, Row
from linkwatch.core.board import Board
from linkwatch.core.coverage import Coverage
from linkwatch.core.inventory import Kind, Target
from linkwatch.flow.echoes import EchoRecord, EchoTarget
from linkwatch.flow.judge import CLEAN_CONFIRMATIONS, LONG_WINDOWS, LOSSY_CONFIRMATIONS, SHORT_WINDOWS
from probes.icmp import ConfirmationBudget, PingTarget
from tests.probes.icmp.simulation import STEP_S, Simulation

LINKS, CLEAN_S = 96, 330
LIVED_S = 24 * 3600 // LINKS
"""So long every link lives: together they live a day."""

WARM_UP_S = 60
"""A link has this weather once a day, not 96 times: what it costs to find out is shown apart."""

BURST_S, BURST_SHARE = (0.2, 1.0), 0.10
AMPLE = ConfirmationBudget(10_000, 10_000)
"""Each link stands for one alone: it must not lose its confirmations to the others."""

Weather = Callable[["Links"], None]
"""Called before each step; sets what is lost in it."""


class Links:
    """Links over an imagined network, judged once a second as `flow.judge` does."""

    def __init__(self, seed: int) -> None:
        ids = [f"link-{i:03}" for i in range(LINKS)]
        pinged = [PingTarget(name, ip_address(0x0A000001 + i)) for i, name in enumerate(ids)]
        self.simulation = Simulation(pinged, AMPLE, seed)
        self.dice = np.random.default_rng(seed)
        self.bursts = Bursts(LINKS, self.dice)
        self.falls = 0
        watched = {name: Target(name, name, Kind.LINK, "") for name in ids}
        self._board = Board()
        self._echoes = EchoRecord(self._board)
        self._coverage = Coverage(watched, ())
        subjects = self._board.labels.subjects.numbers(watched[name].labels() for name in ids).tolist()
        rows = map(self.simulation.row, ids)
        places = zip(watched.values(), range(LINKS), rows, repeat(1.0), subjects, strict=False)
        self._echoes.replace([EchoTarget(*place) for place in places])
        self._second = 0

    async def live(self, seconds: int, weather: Weather) -> None:
        """Let time pass in this weather, with a judgement every second."""
        for _ in range(seconds):
            for _ in range(round(1 / STEP_S)):
                weather(self)
                self.falls += sum(not verdict.up for verdict in self.simulation.run(STEP_S))
                results = self.simulation.results.pop()
                self._echoes.take(results, self._coverage, self.simulation.now, self.simulation.now)
            await self._judge()

    async def _judge(self) -> None:
        names = SHORT_WINDOWS + (LONG_WINDOWS if self._second % 5 == 0 else ())
        self._second += 1
        async for _ in self._echoes.publish_windows(names):
            pass
        suspects = self.simulation.engine.suspects
        suspects.confirmations[:] = CLEAN_CONFIRMATIONS
        suspects.confirmations[self._echoes.pinger_rows[~self._echoes.lossless()]] = LOSSY_CONFIRMATIONS

    def loss_ratios(self) -> NDArray[np.float64]:
        """Loss of the last minute as the rules see it."""
        column = self._board.column("linkwatch_icmp_loss_ratio")
        minute = column.codes("window") == self._board.texts.code("1m")
        return np.asarray(column.values[minute])


class Bursts:
    """Outages of 0.2 to 1 s at random moments, so many that a tenth of the time is lost."""

    def __init__(self, links: int, dice: np.random.Generator) -> None:
        self._dice = dice
        self._silent = np.zeros(links, dtype=np.bool_)
        self._left_s = self._pauses(links)

    def step(self) -> set[int]:
        """The links that are silent in this step."""
        self._left_s -= STEP_S
        over = np.flatnonzero(self._left_s <= 0)
        self._silent[over] ^= True
        begun = over[self._silent[over]]
        self._left_s[begun] = self._dice.uniform(*BURST_S, begun.size)
        ended = over[~self._silent[over]]
        self._left_s[ended] = self._pauses(ended.size)
        return set(np.flatnonzero(self._silent).tolist())

    def _pauses(self, count: int) -> NDArray[np.float64]:
        mean_s = sum(BURST_S) / 2 * (1 - BURST_SHARE) / BURST_SHARE
        return self._dice.exponential(mean_s, count)


def clean(links: Links) -> None:
    """Nothing is lost."""
    links.simulation.loss_ratio = 0.0


def random_loss(links: Links) -> None:
    """30 % of the packets, each on its own."""
    links.simulation.loss_ratio = 0.3


def bursty(links: Links) -> None:
    """Short outages."""
    links.simulation.cut = links.bursts.step()


def measure(pace: Pace) -> Iterator[Figure]:
    """Four kinds of weather, a day of links each."""
    lived_s = pace.pick(LIVED_S, 60)
    share = lived_s * LINKS / 86400
    day = "a day of links" if share >= 1 else f"{share:.0%} of a day"
    for what, weather, most in (
        ("clean", clean, 0),
        ("30 % random loss", random_loss, 0),
        ("bursts", bursty, 2),
    ):
        links = Links(seed=1)
        asyncio.run(links.live(WARM_UP_S, weather))
        first, links.falls = links.falls, 0
        asyncio.run(links.live(lived_s, weather))
        yield Figure(f"false downs, {what}", links.falls, at_most=most, note=day)
        yield Figure(f"in the first minute of {what}", first, note=f"{LINKS} links that knew no loss")
    links = Links(seed=2)
    asyncio.run(links.live(pace.pick(CLEAN_S, 60), clean))
    asyncio.run(links.live(lived_s, random_loss))
    yield Figure("false downs, brown-out of 30 % on clean links", links.falls, at_most=0, note=day)
    seen = links.loss_ratios()
    yield Figure("links that report its loss", float((seen > 0.1).sum()), at_least=LINKS)


ROWS = (Row("falsedowns", "false downs in a simulated day", measure),)
