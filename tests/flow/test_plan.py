"""Another configuration is made ready beside the running service, without being in its way."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from linkwatch.config.load import load
from linkwatch.config.problems import ConfigErrors, Place, Problem
from linkwatch.config.settings import Config
from linkwatch.core.rules import Rule
from linkwatch.flow.plan import prepare, prepare_apart, unhurried

INVENTORY = """
scope: [127.0.0.0/8]
targets:
  - {id: core, kind: router, address: 127.0.0.1, probes: [{type: icmp}]}
  - {id: link, kind: link, address: link.example, via: [core], probes: [{type: icmp}]}
  - {id: page, kind: portal, address: "http://127.0.0.2/", probes: [{type: http}]}
"""


def reading(folder: Path) -> Callable[[], tuple[Config, Sequence[Rule]]]:
    file = folder / "inventory.yml"
    file.write_text(INVENTORY)
    return lambda: (load(file, {}), ())


class Document:
    """What a reader has in its hands when it finds a mistake."""


def test_a_plan_holds_what_follows_from_the_file_alone(tmp_path: Path) -> None:
    plan = prepare(reading(tmp_path))
    assert {target: str(address) for target, address in plan.literals.items()} == {"core": "127.0.0.1"}
    assert plan.coverage.graph.ids == ("core", "link", "page")


async def test_a_file_is_read_in_another_thread(tmp_path: Path) -> None:
    threads, read = [], reading(tmp_path)

    def noting() -> tuple[Config, Sequence[Rule]]:
        threads.append(threading.get_ident())
        return read()

    await prepare_apart(noting)
    assert threads != [threading.get_ident()]


async def test_a_mistake_does_not_keep_the_document_it_was_found_in() -> None:
    kept: list[weakref.ref[Document]] = []

    def wrong() -> tuple[Config, Sequence[Rule]]:
        document = Document()
        kept.append(weakref.ref(document))
        raise ConfigErrors([Problem(Place(Path("inventory.yml"), 1), "", "is wrong")])

    with pytest.raises(ConfigErrors, match="is wrong") as found:
        await prepare_apart(wrong)
    await asyncio.sleep(0)
    assert str(found.value) == "inventory.yml:1: is wrong"
    assert kept[0]() is None


def test_the_interpreter_is_left_as_it_was_after_a_mistake_too() -> None:
    usual_s, seen = sys.getswitchinterval(), []

    def wrong() -> None:
        with unhurried():
            seen.append((gc.isenabled(), sys.getswitchinterval() < usual_s))
            raise ConfigErrors([])

    with pytest.raises(ConfigErrors):
        wrong()
    gc.unfreeze()
    assert seen == [(False, True)]
    assert (gc.isenabled(), sys.getswitchinterval()) == (True, usual_s)
