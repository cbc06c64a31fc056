import numpy as np
import pytest

from linkwatch.core.inventory import Kind, Target
from linkwatch.core.topology import Settling, UpstreamGraph, isolated


def graph(**via: list[str]) -> UpstreamGraph:
    return UpstreamGraph(
        {name: Target(name, name, Kind.HOST, "127.0.0.1", via=tuple(up)) for name, up in via.items()}
    )


def verdicts(g: UpstreamGraph, down: str) -> np.ndarray:
    return np.array([0 if name in down.split() else 1 for name in g.ids], dtype=np.int8)


def roots(g: UpstreamGraph, down: str) -> dict[str, str]:
    _, root = g.cover(verdicts(g, down))
    return {g.ids[i]: g.ids[r] for i, r in enumerate(root) if r >= 0}


def test_a_child_is_covered_by_the_topmost_dead_upstream() -> None:
    g = graph(camera=["router"], router=["link"], link=[], other=[])
    assert roots(g, "camera router link") == {"camera": "link", "router": "link"}
    assert roots(g, "camera router") == {"camera": "router"}
    assert roots(g, "camera") == {}


def test_any_living_upstream_keeps_a_target_reachable() -> None:
    g = graph(site=["a", "b"], a=[], b=[])
    assert roots(g, "a site") == {}
    assert roots(g, "a b site") == {"site": "a"}


def test_an_unmeasured_upstream_covers_nobody() -> None:
    g = graph(site=["a"], a=[])
    _, root = g.cover(np.array([0, -1], dtype=np.int8))
    assert (root == -1).all()


def test_a_circle_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="a, b"):
        graph(a=["b"], b=["a"], c=[])


def test_below_reaches_every_level() -> None:
    g = graph(c=["b"], b=["a"], a=[], x=[])
    assert g.below(np.array([False, False, True, False])).tolist() == [True, True, False, False]


def test_children_stay_covered_until_seen_again_or_settled() -> None:
    g = graph(one=["link"], two=["link"], link=[])
    settling = Settling(3, settle_s=10.0)
    down = verdicts(g, "one two link")
    settling.apply(*g.cover(down), down, now_s=0.0)
    healed = verdicts(g, "one two")
    root, waits = settling.apply(*g.cover(healed), healed, now_s=1.0)
    assert root.tolist() == [2, 2, -1]
    assert waits.tolist() == [True, True, False]
    one_seen = verdicts(g, "two")
    root, _ = settling.apply(*g.cover(one_seen), one_seen, now_s=2.0)
    assert root.tolist() == [-1, 2, -1]
    root, _ = settling.apply(*g.cover(one_seen), one_seen, now_s=12.0)
    assert root.tolist() == [-1, -1, -1]


def test_isolation_needs_more_than_half_of_the_anchors() -> None:
    up = np.array([0, 0, 1, -1], dtype=np.int8)
    assert isolated([0, 1, 2], up)
    assert not isolated([0, 2], up)
    assert not isolated([], up)
    assert not isolated([3], up)


def test_redundant_paths_are_counted() -> None:
    g = graph(site=["a", "b"], a=[], b=["c"], c=[])
    many, answering, total = g.answering_paths(verdicts(g, "c"))
    assert (many.tolist(), answering.tolist(), total.tolist()) == ([0], [1], [2])


def behind(g: UpstreamGraph) -> dict[str, int]:
    return {g.ids[i]: int(count) for i, count in enumerate(g.behind()) if count}


def test_what_is_reached_through_two_upstreams_is_behind_neither_but_behind_what_both_are_behind() -> None:
    g = graph(core=[], a=["core"], b=["core"], site=["a", "b"], camera=["site"])
    assert behind(g) == {"core": 4, "site": 1}


def test_behind_an_upstream_is_all_that_it_covers_alone() -> None:
    g = graph(core=[], a=["core"], b=["a"], c=["b", "core"], d=["c"], e=["d", "b"], alone=[])
    ups = {name: len(roots(g, name)) for name in g.ids}
    assert behind(g) == {name: count for name, count in ups.items() if count}
