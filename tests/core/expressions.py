"""Made-up expressions over made-up series, evaluated by LinkWatch.

Two things that Prometheus changed since 2.42 are generated so that both answers agree: atan2 kept the
metric name, and the spread of a single series that is NaN or Inf was 0 instead of NaN.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from linkwatch.core.board import Board
from linkwatch.core.promql import PromqlError, Vector, evaluate, parse
from tests.core.promtool import Samples, labels_of

NOW = 60.0
VALUES = ["0", "1", "-1", "2", "3.5", "0.25", "100", "-7", "1e9", "NaN", "Inf", "-Inf", "12.5", "0.1"]
MATCHERS = [
    *('site="a"', 'site!="b"', 'site=~"a|c"', 'site=~""', 'class="fibre"', 'kind=""', 'area=""'),
    *('kind=~"li.*"', 'kind!~"rou|x"', 'kind=~"(?i)LINK"', 'area=~".+"', 'area=~"Th.nh .+"'),
]


def generated_series(rng: random.Random) -> dict[str, str]:
    series = {}
    for site in ("a", "b", "c"):
        series[f'spread{{site="{site}", kind="link"}}'] = str(rng.randrange(1000))
        series[f'spread{{site="{site}", kind="router"}}'] = str(rng.randrange(1000, 2000) / 8)
        for kind in ("link", "router"):
            for name in ("m", "n"):
                if rng.random() < 0.8:
                    series[f'{name}{{site="{site}", kind="{kind}"}}'] = rng.choice(VALUES)
        series[f'limit{{site="{site}", class="fibre"}}'] = rng.choice(VALUES)
    series['info{site="a", area="Thanh Hóa"}'] = "1"
    series['info{site="b", area="Sầm Sơn", extra="x"}'] = "1"
    series["single"] = "4"
    series['bare{site="a"}'] = "2"
    series["bare"] = "3"
    return series


def board_of(series: dict[str, str]) -> Board:
    board = Board()
    for metric, value in series.items():
        labels = dict(labels_of(metric))
        board.column(labels.pop("__name__")).set(labels, float(value), NOW)
    return board


class Generator:
    """Random expressions: most are valid, some are ambiguous, so that errors are compared too."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def vector(self, depth: int) -> str:
        if depth == 0:
            return self.selector()
        make = self.rng.choice(self.makers())
        return make() if make == self.selector else make(depth - 1)

    def makers(self) -> list[Callable[..., str]]:
        simple: list[Callable[..., str]] = [self.selector, self.arithmetic, self.compared, self.called]
        return [*simple, self.negated, self.joined, self.grouped, self.sets, self.aggregated, self.aggregated]

    def selector(self) -> str:
        matchers = self.rng.sample(MATCHERS, self.rng.choice([0, 0, 0, 1, 2]))
        name = self.rng.choice(["m", "n", "limit", "info", "single", "bare", "missing"])
        if not matchers and self.rng.random() < 0.1:
            return '{__name__=~"m|limit"}'
        return f"{name}{{{','.join(matchers)}}}" if matchers else name

    def number(self) -> str:
        return self.rng.choice(["1", "-2", "0", "3.5", "NaN", "Inf", "scalar(single)", "time()", "scalar(m)"])

    def arithmetic(self, depth: int) -> str:
        sides = [f"({self.vector(depth)})", self.number()]
        self.rng.shuffle(sides)
        return f" {self.rng.choice(['+', '-', '*', '/', '%', '^'])} ".join(sides)

    def compared(self, depth: int) -> str:
        sides = [f"({self.vector(depth)})", self.number()]
        self.rng.shuffle(sides)
        return f" {self.comparison()} {self.rng.choice(['', 'bool '])}".join(sides)

    def comparison(self) -> str:
        return self.rng.choice(["==", "!=", ">", "<", ">=", "<="])

    def matching(self) -> str:
        labels = self.rng.sample(["site", "kind", "class", "area"], self.rng.choice([0, 1, 1, 2]))
        how = self.rng.choice(["on", "ignoring"])
        return self.rng.choice(["", f"{how}({','.join(labels)})", "on(site)", "ignoring(class, area, kind)"])

    def joined(self, depth: int) -> str:
        operator = self.rng.choice(["+", "-", "*", "/", "%", self.comparison(), self.comparison() + " bool"])
        return f"({self.vector(depth)}) {operator} {self.matching()} ({self.vector(depth)})"

    def grouped(self, depth: int) -> str:
        operator = self.rng.choice(["+", "*", "-", ">", "<=", "== bool"])
        matching = self.rng.choice(["on(site)", "ignoring(kind, class, area, extra)", "on()"])
        include = self.rng.choice(["", "class", "area", "extra, area", "absent_label"])
        group = f"{self.rng.choice(['group_left', 'group_right'])}({include})"
        many, one = f"({self.vector(depth)})", self.rng.choice(["limit", "info", f"({self.vector(depth)})"])
        sides = [many, one] if group.startswith("group_left") else [one, many]
        return f" {operator} {matching} {group} ".join(sides)

    def sets(self, depth: int) -> str:
        operator = self.rng.choice(["and", "or", "unless"])
        return f"({self.vector(depth)}) {operator} {self.matching()} ({self.vector(depth)})"

    def aggregated(self, depth: int) -> str:
        names = ["site", "kind", "area", "class", "__name__"]
        labels = ", ".join(self.rng.sample(names, self.rng.choice([0, 1, 2])))
        how = self.rng.choice(["", f"by ({labels})", f"without ({labels})"])
        operator = self.rng.choice(
            ["sum", "min", "max", "avg", "count", "group", "quantile", "topk", "bottomk", "stddev", "stdvar"]
        )
        if operator in ("stddev", "stdvar"):
            return f"{operator} {how} (spread)"
        if operator in ("topk", "bottomk"):
            k = self.rng.choice(["1", "2", "0", "-1", "10", "2.7", "scalar(single)"])
            return f"{operator} {how} ({k}, {self.rng.choice(['spread', 'spread > 100', '-spread'])})"
        quantile = self.rng.choice(["0.5", "0", "1", "0.9", "-1", "2", "NaN", "0.333"]) + ", "
        return f"{operator} {how} ({quantile if operator == 'quantile' else ''}{self.vector(depth)})"

    def called(self, depth: int) -> str:
        inner = self.vector(depth)
        return self.rng.choice(
            [f"{name}({inner})" for name in ("abs", "ceil", "floor", "sgn", "absent", "round")]
            + [f"round({inner}, {self.number()})", f"clamp({inner}, {self.number()}, {self.number()})"]
            + [f"clamp_min({inner}, {self.number()})", f"clamp_max({inner}, {self.number()})"]
            + [f"abs({inner}) atan2 {self.number()}", f"vector({self.number()})"]
            + [f"absent({self.selector()})", f"vector(scalar({inner}))"]
        )

    def negated(self, depth: int) -> str:
        inner = self.selector()
        return self.rng.choice([f"-({self.vector(depth)})", f"-{inner} ^ 2", f"2 * -{inner}"])


def ours(text: str, board: Board) -> Samples | str:
    try:
        value = evaluate(parse(text), board, NOW)
    except PromqlError as error:
        return f"error: {error}"
    if not isinstance(value, Vector):
        return {(): value}
    return {tuple(sorted(labels.items())): number for labels, number in value.samples()}
