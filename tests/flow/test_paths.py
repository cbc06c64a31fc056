"""Whose turn it is to be traced, and what is said of a path that ends too early."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

import pytest

from linkwatch.core.blame import PathEnd
from linkwatch.flow.paths import AGAIN_S, BURST, GENTLE_S, LOOK_EVERY_S, TRACES_PER_S, Turns, View, end_of
from probes.path import Hop, Trace
from tests.core.incident_world import link, province, target

ADDRESS = ip_address("127.0.0.1")
ROUTERS = [f"10.0.{number}.1" for number in range(1, 6)]


def view(targets: Iterable[str | tuple[str, str]], doubtful: Iterable[str] = ()) -> View:
    """`targets`: ids, or pairs of an id and its upstream."""
    made = [target(t) if isinstance(t, str) else target(*t) for t in targets]
    return View(province(made), {one.id: ADDRESS for one in made}, frozenset(doubtful))


def taken(turns: Turns, seen: View, from_s: float, until_s: float) -> list[tuple[float, str]]:
    looks = range(round((until_s - from_s) / LOOK_EVERY_S))
    times = [from_s + look * LOOK_EVERY_S for look in looks]
    return [(now_s, target) for now_s in times for target in turns.take(seen, now_s)]


def path(*hops: str, reached: bool = True) -> Trace:
    made = tuple(Hop((ip_address(hop),), (0.001,)) if hop else Hop() for hop in hops)
    return Trace(ip_address("10.0.9.1"), made, reached)


def test_good_paths_come_one_after_another_first_soon_then_gently() -> None:
    everything = view(["a", "b", "c"])
    turns = Turns(0.0)
    found = taken(turns, everything, 0.0, GENTLE_S + 10.0)
    assert sorted(name for _, name in found[:3]) == ["a", "b", "c"]
    assert found[2][0] <= 3.0
    assert len(found) in (6, 7)


def test_a_target_that_comes_into_doubt_is_traced_at_once_and_once() -> None:
    turns = Turns(0.0)
    taken(turns, view(["a", "b"]), 0.0, 5.0)
    found = taken(turns, view(["a", "b"], ["a"]), 5.0, 20.0)
    assert [entry for entry in found if entry[1] == "a"] == [(5.0, "a")]


def test_one_that_flaps_is_traced_once_a_minute() -> None:
    turns, found = Turns(0.0), []
    for second in range(0, 2 * int(AGAIN_S), 2):
        found += [name for name in turns.take(view(["a"], ["a"]), float(second)) if name == "a"]
        turns.take(View(province([target("a")]), {}, frozenset()), second + 1.0)
    assert len(found) == 2


def test_one_that_falls_for_good_soon_after_a_mere_suspicion_is_traced_again() -> None:
    turns = Turns(0.0)
    assert turns.take(view(["a"], ["a"]), 0.0) == ["a"]
    taken(turns, view(["a"]), 0.2, 30.0)
    assert [name for _, name in taken(turns, view(["a"], ["a"]), 30.0, 300.0)] == ["a"]


def test_an_upstream_in_doubt_is_traced_for_all_that_lie_behind_it() -> None:
    names = ["link", *((f"camera-{n}", "link") for n in range(50))]
    doubtful = ["link", *(f"camera-{n}" for n in range(50))]
    turns = Turns(0.0)
    assert turns.take(view(names, doubtful), 0.0) == ["link"]
    assert taken(turns, view(names, doubtful), 0.2, 30.0) == []


def test_who_is_left_in_doubt_when_its_upstream_is_well_again_is_traced_then() -> None:
    names = ["link", ("router", "link")]
    turns = Turns(0.0)
    assert turns.take(view(names, ["link", "router"]), 0.0) == ["link"]
    assert taken(turns, view(names, ["router"]), 0.2, 0.4) == [(0.2, "router")]


def test_a_target_with_another_upstream_that_is_well_is_traced_itself() -> None:
    inventory = province([link("one"), link("two"), target("router", "one", "two")])
    seen = View(inventory, dict.fromkeys(inventory.targets, ADDRESS), frozenset(["one", "router"]))
    assert Turns(0.0).take(seen, 0.0) == ["one", "router"]


def test_a_storm_stays_within_the_budget_and_the_emergency_goes_first() -> None:
    made = [target(f"t{n}", emergency=n == 250) for n in range(300)]
    seen = View(province(made), {one.id: ADDRESS for one in made}, frozenset(one.id for one in made))
    turns = Turns(0.0)
    found = taken(turns, seen, 0.0, 20.0)
    assert found[0] == (0.0, "t250")
    assert len([1 for now_s, _ in found if now_s == 0.0]) == BURST
    assert len(found) == pytest.approx(BURST + 20.0 * TRACES_PER_S, abs=1)


def test_what_the_emergency_needs_goes_before_what_has_waited_longer() -> None:
    made = [target(f"t{n}", emergency=n == 299) for n in range(300)]
    addresses = {one.id: ADDRESS for one in made}
    turns, inventory = Turns(0.0), province(made)
    turns.take(View(inventory, addresses, frozenset(f"t{n}" for n in range(299))), 0.0)
    found = taken(turns, View(inventory, addresses, frozenset(addresses)), 0.2, 5.0)
    assert found[0][1] == "t299"
    assert found[0][0] <= 0.2 + 1 / TRACES_PER_S


def test_who_is_well_again_before_its_turn_is_not_traced() -> None:
    names = [f"t{n}" for n in range(30)]
    turns = Turns(0.0)
    turns.take(view(names, names), 0.0)
    assert len(turns.take(view(names), 0.2)) <= 1  # at most a good path


def test_a_target_without_a_known_address_is_not_traced() -> None:
    seen = View(province([target("a")]), {}, frozenset(["a"]))
    assert taken(Turns(0.0), seen, 0.0, 5.0) == []


def test_a_path_that_ends_is_told_with_where_it_went_on_before() -> None:
    good = path(*ROUTERS)
    assert end_of(path(*ROUTERS[:2], reached=False), good) == PathEnd(ROUTERS[1], 2, ROUTERS[2])
    assert end_of(path(reached=False), good) == PathEnd("", 0, ROUTERS[0])
    assert end_of(path(*ROUTERS[:2], reached=False), None) == PathEnd(ROUTERS[1], 2)
    assert end_of(path(*ROUTERS[:2], reached=False), path(*ROUTERS[:2], "", ROUTERS[4])) == PathEnd(
        ROUTERS[1], 2
    )
