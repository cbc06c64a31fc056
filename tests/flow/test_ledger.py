"""What cannot be committed is kept in order and committed later, once."""

import asyncio

import pytest

from linkwatch.core.records import Changes, Event
from linkwatch.flow.ledger import PATIENCE_S, Ledger, merge
from linkwatch.store.errors import StoreError
from tests.store.samples import ALERT

pytestmark = pytest.mark.looptime


def line(kind: str) -> Changes:
    return Changes(events=(Event(1, 0.0, kind),))


class Book:
    """Takes commits as slowly, or as badly, as it is told to."""

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.takes_s = 0.0
        self.broken = False

    async def commit(self, changes: Changes) -> None:
        await asyncio.sleep(self.takes_s)
        if self.broken:
            raise StoreError("the disk is full")
        self.kinds += [event.kind for event in changes.events]


async def test_what_failed_is_committed_with_the_next_decision_in_order() -> None:
    book = Book()
    ledger = Ledger(book.commit)
    book.broken = True
    assert not await ledger.put(line("a"))
    assert not await ledger.put(line("b"))
    assert not ledger.healthy
    book.broken = False
    assert await ledger.put(Changes())
    assert book.kinds == ["a", "b"]
    assert ledger.healthy


async def test_a_hanging_store_is_not_waited_for_and_nothing_is_handed_in_twice() -> None:
    book = Book()
    ledger = Ledger(book.commit)
    book.takes_s = 30.0
    began_s = asyncio.get_running_loop().time()
    assert not await ledger.put(line("a"))
    assert not await ledger.put(line("b"))
    assert asyncio.get_running_loop().time() - began_s < PATIENCE_S + 1
    await asyncio.sleep(30)
    book.takes_s = 0.0
    assert await ledger.put(line("c"))
    assert book.kinds == ["a", "b", "c"]


async def test_many_decisions_wait_no_longer_for_a_hanging_store_than_one() -> None:
    """The judge stands behind whatever people do meanwhile; a judge that stands still ends the service."""
    book = Book()
    ledger = Ledger(book.commit)
    book.takes_s = 3600.0
    assert not await ledger.put(line("a"))
    began_s = asyncio.get_running_loop().time()
    for _ in range(100):
        assert not await ledger.put(line("b"))
    assert asyncio.get_running_loop().time() - began_s < 1.0


async def test_nothing_to_commit_is_no_commit() -> None:
    book = Book()
    book.broken = True
    assert await Ledger(book.commit).put(Changes())


def test_merging_keeps_the_last_version_of_each_row() -> None:
    here, gone = Changes(alerts=(ALERT,)), Changes(gone_alerts=(ALERT.id,))
    assert merge(here, gone) == gone
    assert merge(gone, here) == here
    assert merge(line("a"), line("b")).events == (*line("a").events, *line("b").events)
