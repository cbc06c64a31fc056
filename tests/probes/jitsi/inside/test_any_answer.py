"""Whatever a server answers, reading it ends with numbers or with a reason."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes.failure import ProbeError
from probes.jitsi.inside import bridge, focus, prosody
from probes.jitsi.inside.figures import figures_of_json, figures_of_series, read_series, values_of
from probes.jitsi.inside.prometheus import read_matrix
from probes.jitsi.inside.server import one_line
from tests.probes.jitsi.inside.standins import JICOFO_STATS, STATS

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

FIGURES = (*bridge.FIGURES, *focus.FIGURES, *prosody.FIGURES)
NAMES = st.sampled_from([figure.series for figure in FIGURES if figure.series])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from([*STATS, *JICOFO_STATS])


def assert_sound(found: dict[str, float]) -> None:
    assert all(math.isfinite(value) and value >= 0 for value in found.values())
    assert len(list(values_of(FIGURES, found))) <= len(FIGURES)


@patient
@given(st.dictionaries(KEYS, ANYTHING, max_size=8))
def test_any_statistics(document: dict[str, Any]) -> None:
    with contextlib.suppress(ProbeError):
        assert_sound(figures_of_json(FIGURES, document))


@patient
@given(
    st.lists(st.tuples(NAMES, st.text(max_size=40)) | st.tuples(st.text(max_size=9), st.text(max_size=40)))
)
def test_any_series(lines: list[tuple[str, str]]) -> None:
    text = "\n".join(name + rest for name, rest in lines)
    with contextlib.suppress(ProbeError):
        assert_sound(figures_of_series(FIGURES, read_series("/metrics", text, FIGURES)))


LABELS = st.dictionaries(st.sampled_from(["__name__", "instance", "job"]), NAMES | ANYTHING)
ROWS = st.lists(
    st.fixed_dictionaries({"metric": LABELS | ANYTHING, "values": ANYTHING}) | ANYTHING, max_size=3
)


@patient
@given(
    st.fixed_dictionaries(
        {
            "status": st.just("success") | ANYTHING,
            "data": st.fixed_dictionaries({"resultType": st.just("matrix"), "result": ROWS | ANYTHING})
            | ANYTHING,
        }
    )
)
def test_any_answer_of_a_prometheus(document: dict[str, Any]) -> None:
    with contextlib.suppress(ProbeError):
        assert all(math.isfinite(each.value) for each in read_matrix(document))


@patient
@given(st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "replace")) | ANYTHING.map(json.dumps))
def test_any_message_becomes_one_bounded_line(text: str) -> None:
    assert len(one_line(text)) <= 160
    assert one_line(text).isprintable()
