from __future__ import annotations

import asyncio
import math
import shutil
from asyncio.subprocess import PIPE

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from linkwatch.core.board import Board
from linkwatch.core.catalog import Catalog
from linkwatch.web import exposition
from linkwatch.web.exposition import Exposition, process_registry, value_texts

LABELS = {"target": "a", "site": "s", "kind": "link", "owner": "o", "emergency": "false"}


async def text_of(board, registry=None):
    written = Exposition(board, Catalog(), registry or CollectorRegistry())
    return b"".join([block async for block in written.blocks()]).decode()


def samples_of(text):
    families = text_string_to_metric_families(text)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


async def test_a_family_is_headed_by_help_and_type_from_the_catalogue():
    board = Board()
    board.column("linkwatch_up").set(LABELS, 1.0, 1.0)
    assert await text_of(board) == (
        "# HELP linkwatch_up Whether the target's reachability probe reaches it; absent = not measured.\n"
        "# TYPE linkwatch_up gauge\n"
        'linkwatch_up{target="a",site="s",kind="link",owner="o",emergency="false"} 1\n'
    )


async def test_metrics_without_labels_have_no_braces_and_counters_are_whole():
    board = Board()
    board.column("linkwatch_missed_schedules_total").set({}, 12345678.0, 1.0)
    assert (await text_of(board)).endswith(
        "# TYPE linkwatch_missed_schedules_total counter\nlinkwatch_missed_schedules_total 12345678\n"
    )


async def test_absent_rows_and_empty_families_are_not_shown_and_empty_labels_are_left_out():
    board = Board()
    column = board.column("linkwatch_up")
    column.set({**LABELS, "site": ""}, 1.0, 1.0)
    column.set({**LABELS, "target": "b"}, 1.0, 1.0)
    column.clear(np.array([1]))
    board.column("linkwatch_isolated").ensure({})
    text = await text_of(board)
    assert 'target="b"' not in text
    assert "site=" not in text
    assert "linkwatch_isolated" not in text


async def test_every_block_boundary_is_written_right(monkeypatch):
    monkeypatch.setattr(exposition, "BLOCK_ROWS", 3)
    board, expected = Board(), {}
    column = board.column("linkwatch_icmp_loss_ratio")
    for i in range(10):
        labels = {**LABELS, "target": f"t{i}", "window": "1m"}
        column.set(labels, i / 8, 1.0)
        expected["linkwatch_icmp_loss_ratio", tuple(sorted(labels.items()))] = i / 8
    writer = Exposition(board, Catalog(), CollectorRegistry())
    for _ in range(2):
        text = b"".join([block async for block in writer.blocks()]).decode()
        assert samples_of(text) == expected
        assert text.count("# HELP") == 1
    column.keep(np.arange(10) != 4)
    text = b"".join([block async for block in writer.blocks()]).decode()
    assert len(samples_of(text)) == 9


async def test_a_board_that_changes_between_two_blocks_is_shown_as_it_was(monkeypatch):
    monkeypatch.setattr(exposition, "BLOCK_ROWS", 2)
    board = Board()
    column = board.column("linkwatch_up")
    for i in range(6):
        column.set({**LABELS, "target": f"t{i}"}, float(i), 1.0)
    text = b""
    async for block in Exposition(board, Catalog(), CollectorRegistry()).blocks():
        text += block
        column.keep(np.arange(len(column)) > 0)
    values = {dict(labels)["target"]: value for (_, labels), value in samples_of(text.decode()).items()}
    assert values == {f"t{i}": float(i) for i in range(6)}


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(sorted(LABELS)),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1),
    )
)
async def test_every_label_text_survives_the_parser(labels):
    board = Board()
    board.column("linkwatch_up").set({**LABELS, **labels}, 1.0, 1.0)
    assert list(samples_of(await text_of(board))) == [
        ("linkwatch_up", tuple(sorted({**LABELS, **labels}.items())))
    ]


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True)))
def test_every_value_reads_back_exactly(values):
    texts = value_texts(np.array(values, dtype=np.float64))
    for text, value in zip(texts, values, strict=True):
        assert float(text) == value or (math.isnan(value) and text == b"NaN")


def test_values_are_short_and_special_ones_as_prometheus_writes_them():
    values = np.array([0.0, 1.0, 0.25, 1e-05, math.nan, math.inf, -math.inf, -3.0])
    assert value_texts(values) == b"0 1 0.25 0.00001 NaN +Inf -Inf -3".split()


async def test_promtool_finds_nothing_to_say():
    if shutil.which("promtool") is None:
        pytest.skip("needs promtool: apt-get install prometheus")
    board = Board()
    for metric in Catalog().metrics.values():
        labels = {name: f'{name} "1"\\\n' for name in metric.labels}
        board.column(metric.name).set(labels, 1.0 if metric.type == "counter" else 0.5, 1.0)
    text = await text_of(board, process_registry())
    promtool = await asyncio.create_subprocess_exec(
        "promtool", "check", "metrics", stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    out, err = await promtool.communicate(text.encode())
    own = [line for line in (out + err).decode().splitlines() if line.startswith("linkwatch_")]
    assert own == []
    assert b"error while linting" not in err


async def test_a_text_that_is_not_unicode_spoils_neither_its_neighbours_nor_the_next_scrape():
    board = Board()
    for name in ("good", "from the environment: \udcff", "good, too"):
        board.column("linkwatch_target_info").set({**LABELS, "name": name}, 1.0, 1.0)
    written = Exposition(board, Catalog(), CollectorRegistry())
    for _ in range(2):
        text = b"".join([block async for block in written.blocks()]).decode()
        names = [dict(labels)["name"] for _, labels in samples_of(text)]
        assert names == ["good", "from the environment: ?", "good, too"]
