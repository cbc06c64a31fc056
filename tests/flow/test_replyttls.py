"""Another TTL in the replies of a target is told once; what flaps, or changes with thousands, in measure."""

from __future__ import annotations

import numpy as np

from linkwatch.core.records import TargetEvent
from linkwatch.flow.replyttls import AT_ONCE, LOOK_EVERY_S, PAUSE_S, ReplyTtls
from probes.icmp import RowCounters

NOW, NOW_S = 1_612_144_800.0, 5_000.0


class Desk:
    """Looks at the TTLs of some pings, by key, all in rows of their own."""

    def __init__(self, *keys: str) -> None:
        self.ttls, self.now_s = ReplyTtls(), NOW_S
        self.rows = {key: row for row, key in enumerate(keys)}

    def look(self, *ttls: int, after_s: float = LOOK_EVERY_S) -> list[TargetEvent]:
        self.now_s += after_s
        counters = RowCounters.zeros().copy(len(ttls))
        counters.ttl[:] = np.array(ttls)
        return self.ttls.look(self.rows, counters, NOW + self.now_s - NOW_S, self.now_s)


def test_a_change_is_told_with_what_it_was_and_is() -> None:
    desk = Desk("a", "b", "b/viettel", "c")
    assert not desk.look(0, 0, 0, 0)
    assert not desk.look(64, 63, 60, 0)
    assert not desk.look(64, 63, 60, 255)
    assert desk.look(64, 61, 59, 255) == [
        TargetEvent("b", NOW + 8.0, "reply-ttl-changed", {"probe": "icmp", "was": "63", "now": "61"}),
        TargetEvent("b", NOW + 8.0, "reply-ttl-changed", {"probe": "viettel", "was": "60", "now": "59"}),
    ]
    assert not desk.look(64, 61, 59, 255)


def test_what_answers_by_several_ways_in_turn_is_told_now_and_then() -> None:
    desk = Desk("a")
    rounds = round(2 * PAUSE_S / LOOK_EVERY_S)
    told = [event for i in range(rounds) for event in desk.look(64 - i % 2)]
    assert len(told) == 2


def test_a_change_of_thousands_is_told_of_some() -> None:
    desk = Desk(*(f"t-{i}" for i in range(5000)))
    desk.look(*[64] * 5000)
    assert len(desk.look(*[63] * 5000)) == AT_ONCE


def test_a_row_that_was_given_to_another_target_tells_nothing() -> None:
    desk = Desk("a", "b")
    desk.look(64, 64)
    desk.rows = {"b": 1, "new": 0}
    assert not desk.look(50, 64)
    assert [event.target for event in desk.look(49, 64)] == ["new"]


def test_a_silence_or_an_unknown_ttl_is_no_change() -> None:
    desk = Desk("a")
    assert not [*desk.look(64), *desk.look(0), *desk.look(64)]
