"""A Prometheus that scrapes bridges, Jicofo and Prosody anyway: the same numbers, from its HTTP API.

An instant query over a range gives the samples themselves with their times, so that what Prometheus still
remembers of a target that is gone is not taken for news.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

from probes.attempt import Attempt
from probes.failure import ProbeError
from probes.jitsi.finding import Part
from probes.jitsi.inside import bridge, focus, prosody
from probes.jitsi.inside.figures import Figure, figures_of_series
from probes.jitsi.inside.server import Server, json_object, one_line
from probes.jitsi.inside.settings import MOST_BRIDGES, Inside, place
from probes.jitsi.inside.told import Told, hear
from probes.sample import Reason, Target

PATH = "/api/v1/query"
FRESH_S = 60
"""What was scraped before is no news: nothing is told of it."""

_SAME_SCRAPE_S = 0.5

Selected = tuple[Part, str, tuple[Figure, ...]]


class Series(NamedTuple):
    """The newest sample of one series. `at`: seconds since the epoch, by Prometheus's clock."""

    name: str
    instance: str
    at: float
    value: float


def selected(access: Inside) -> Iterator[Selected]:
    """What Prometheus is to be asked for: which part, which of its targets, which numbers."""
    for part, matchers, figures in (
        (Part.BRIDGE, access.prometheus_bridges, bridge.FIGURES),
        (Part.FOCUS, access.prometheus_jicofo, focus.FIGURES),
        (Part.SIGNALLING, access.prometheus_prosody, prosody.FIGURES),
    ):
        if matchers:
            yield part, matchers, figures


async def ask_prometheus(
    target: Target, access: Inside, wanted: Selected, deadline_s: float
) -> tuple[Told, ...]:
    """What Prometheus knows of each target that is `wanted`; raises nothing.

    What was not scraped within the last minute is not told; a failure of Prometheus's own is the only thing
    told.
    """
    part, matchers, figures = wanted
    found: list[Series] = []
    steps = partial(_ask, Server(target, access, access.prometheus), wanted, found)
    way = place(access.prometheus)
    asked = await hear(Told(part, f"by Prometheus {way}", way), steps, deadline_s)
    asked.proves_nothing = asked.failure is not None
    if not found and asked.failure is None:
        asked.silence = f"no sample of {matchers} within the last {FRESH_S} s"
    if asked.silence or asked.failure is not None:
        return (asked,)
    return tuple(
        _tell(Told(part, name, way, [PATH]), figures, found)
        for name in sorted({each.instance for each in found})
    )


async def _ask(server: Server, wanted: Selected, found: list[Series], told: Told, attempt: Attempt) -> None:
    part, matchers, figures = wanted
    names = "|".join(["up", *(figure.series for figure in figures if figure.series)])
    query = f'{{{matchers.strip()},__name__=~"{names}"}}[{FRESH_S}s]'
    answer = await server.ask(PATH, attempt, "application/json", {"query": query})
    if answer is None:
        raise ProbeError(Reason.PROTOCOL, f"there is no {PATH}: not a Prometheus")
    found += read_matrix(json_object(PATH, answer))
    told.pages.append(PATH)
    instances = {each.instance for each in found}
    if len(instances) > (MOST_BRIDGES if part is Part.BRIDGE else 1):
        raise ProbeError(Reason.PROTOCOL, f"{len(instances)} targets match {matchers}: too many")


def _tell(told: Told, figures: tuple[Figure, ...], found: list[Series]) -> Told:
    """The account of one target, of its newest scrape alone."""
    own = [each for each in found if each.instance == told.name]
    # Of what was federated there may be no `up`.
    newest = max(own, key=lambda each: (each.name == "up", each.at))
    if newest.name == "up" and newest.value == 0:
        told.failure = ProbeError(Reason.UNREACHABLE, "Prometheus cannot scrape it (up is 0)")
        return told
    series: dict[str, float] = {}
    for each in own:
        if each.at >= newest.at - _SAME_SCRAPE_S:
            series[each.name] = series.get(each.name, 0.0) + each.value
    told.figures = bridge.tidy(figures_of_series(figures, series))
    if not told.figures:
        what = f"Prometheus scrapes it and finds no {figures[0].series}"
        told.failure = ProbeError(Reason.PROTOCOL, what)
    return told


def read_matrix(document: dict[str, Any]) -> Iterator[Series]:
    """The newest sample of every series in an answer (a matrix); raises ProbeError."""
    try:
        if document["status"] != "success" or document["data"]["resultType"] != "matrix":
            raise ValueError
        for row in document["data"]["result"]:
            labels, (at, text) = row["metric"], row["values"][-1]
            name, instance = str(labels["__name__"]), one_line(str(labels["instance"]))
            value = float(text)
            if math.isfinite(value) and value >= 0:
                yield Series(name, instance, float(at), value)
    except (KeyError, IndexError, TypeError, ValueError):
        raise ProbeError(Reason.PROTOCOL, f"{PATH} does not answer as Prometheus does") from None
