"""The traps of YAML, and what a document remembers."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkwatch.config.problems import Place
from linkwatch.config.yaml_lines import YAMLError, find_place, read_text

FILE = Path("f.yml")


def read(text: str) -> Any:
    complaints: list[str] = []
    value = read_text(text, FILE, lambda place, said: complaints.append(f"{place}: {said}"))
    assert complaints == []
    return value


@pytest.mark.parametrize(
    "word", ["no", "on", "y", "012", "0x1F", "1_000", "1:30", "2026-01-01", "+84", ".inf"]
)
def test_a_plain_word_is_the_text_that_was_written(word: str) -> None:
    assert read(f"a: {word}") == {"a": word}


@pytest.mark.parametrize("nothing", ["", "~", "null", "Null", "NULL"])
def test_an_empty_value_is_none_but_a_quoted_one_is_a_text(nothing: str) -> None:
    assert read(f"a: {nothing}") == {"a": None}
    assert read(f"a: '{nothing}'") == {"a": nothing}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: @c", 2, "quotes"),
        ("a: b: c", 1, "quotes"),
        ("a:\n  b: 1\n\tc: 2", 3, "tab|spaces"),
        ("a: [1,\n2", 3, "expected"),
        ("--- \na: 1\n---\nb: 2", 3, "second document"),
        ("a: \x01", 1, "control character"),
        ("? [a]\n: b", 1, "key must be text"),
        ("a: &a [*a]", 1, "not defined above"),
        ("<<: 3", 1, "merges mappings only"),
        ("[" * 100_000, 1, "nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_told_by_line(text: str, line: int, said: str) -> None:
    with pytest.raises(YAMLError, match=said) as caught:
        read(text)
    assert caught.value.place == Place(FILE, line)


def test_the_first_of_two_equal_keys_holds_and_the_second_is_complained_of() -> None:
    complaints: list[tuple[Place, str]] = []
    assert read_text("a: 1\nb: 2\na: 3", FILE, lambda *said: complaints.append(said)) == {"a": "1", "b": "2"}
    assert complaints == [(Place(FILE, 3), "the key 'a' is there twice (first on line 1)")]


def test_keys_written_in_an_entry_win_over_merged_ones() -> None:
    tree = read("x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz: {b: 5, <<: [*x, *y]}")
    assert tree["z"] == {"b": "5", "a": "1", "c": "4"}


def test_many_small_aliases_are_fine() -> None:
    rows = "\n".join("- *probes" for _ in range(10_000))
    assert len(read(f"x: &probes [a, b, c]\ny:\n{rows}".replace("\n-", "\n  -"))["y"]) == 10_000


def test_values_know_their_lines() -> None:
    tree = read("a:\n  - b\n  - c: d\n    e: f\n")
    assert find_place(tree, ("a",)).line == 1
    assert find_place(tree, ("a", 1)).line == 3
    assert find_place(tree, ("a", 1, "e")).line == 4


def test_what_is_missing_stands_where_its_container_stands() -> None:
    tree = read("a:\n  - b\n  - c: d\n")
    assert find_place(tree, ("a", 1, "missing")).line == 3
    assert find_place(tree, ("a", 7)).line == 1
    assert find_place(tree, ("a", 0, "below", "a text")).line == 2


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(YAMLError):
        read_text(text, FILE, lambda place, said: None)
