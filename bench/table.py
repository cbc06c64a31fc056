"""The table for people, and the same for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.row import Figure, Row

HEADINGS = ("what", "linkwatch", "peer", "ratio", "reach", "")
VERDICTS = {True: "pass", False: "MISS", None: ""}


@dataclass(slots=True)
class Result:
    """What became of one row. `skipped`: what was missing; `failed`: why there is no figure."""

    row: Row
    figures: list[Figure] = field(default_factory=list)
    skipped: str = ""
    failed: str = ""
    lasted_s: float = 0.0

    @property
    def is_bad(self) -> bool:
        """Whether a figure misses what it must reach, or could not be measured at all."""
        return bool(self.failed) or any(figure.passed is False for figure in self.figures)


def render(machine: Mapping[str, str], peers: Mapping[str, str], results: Sequence[Result]) -> str:
    """The table as text."""
    lines = [tuple(HEADINGS)]
    blocks = [(result, [_cells(figure) for figure in result.figures]) for result in results]
    lines += [cells for _, rows in blocks for cells in rows]
    widths = [max(len(cells[i]) for cells in lines) for i in range(len(HEADINGS))]
    text = [", ".join(f"{name} {value}" for name, value in machine.items())]
    text += [", ".join(f"{name} {value}" for name, value in peers.items()), ""]
    text.append(_join(HEADINGS, widths))
    for result, rows in blocks:
        text += ["", f"{result.row.name}: {result.row.title}", *_remarks(result)]
        text += [_join(cells, widths) for cells in rows]
    return "\n".join(text)


def as_json(
    machine: Mapping[str, str], peers: Mapping[str, str], results: Sequence[Result]
) -> dict[str, Any]:
    """The table as plain data."""
    return {"machine": dict(machine), "peers": dict(peers), "rows": [_as_json(result) for result in results]}


def _as_json(result: Result) -> dict[str, Any]:
    figures = [
        {**asdict(figure), "ratio": figure.ratio, "passed": figure.passed} for figure in result.figures
    ]
    told = {"skipped": result.skipped, "failed": result.failed, "lasted_s": round(result.lasted_s, 1)}
    return {"name": result.row.name, "title": result.row.title, "figures": figures, **told}


def _remarks(result: Result) -> Iterator[str]:
    if result.skipped:
        yield f"  not measured: {result.skipped}"
    if result.failed:
        yield f"  FAILED: {result.failed}"
    lost = [tool for tool in result.row.peers if not tool.found]
    for tool in lost:
        yield f"  no comparison: needs {tool.name}: apt-get install {tool.package}"


def _cells(figure: Figure) -> tuple[str, ...]:
    unit = f" {figure.unit}" if figure.unit else ""
    peer = "" if figure.peer is None else f"{_number(figure.peer)}{unit} {figure.peer_name}"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    what = f"  {figure.what}" + (f" ({figure.note})" if figure.note else "")
    return (what, _number(figure.ours) + unit, peer, ratio, _reach(figure, unit), VERDICTS[figure.passed])


def _reach(figure: Figure, unit: str) -> str:
    unit = " x" if figure.peer_name else unit
    bounds = []
    if figure.at_least is not None and figure.at_least == figure.at_most:
        return f"= {_number(figure.at_least)}{unit}"
    if figure.at_least is not None:
        bounds.append(f">= {_number(figure.at_least)}{unit}")
    if figure.at_most is not None:
        bounds.append(f"<= {_number(figure.at_most)}{unit}")
    return ", ".join(bounds)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.3g}"


def _join(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = cells
    return "  ".join(
        [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))]
    ).rstrip()
