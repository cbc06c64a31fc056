import numpy as np

from linkwatch.core.blips import HOLD_S, Blips, is_out_of_line
from linkwatch.core.inventory import Kind, Target
from linkwatch.core.topology import UpstreamGraph

GRAPH = UpstreamGraph(
    {
        name: Target(name, name, Kind.HOST, "127.0.0.1", via=via)
        for name, via in {"core": (), "site": ("core",), "camera": ("site",), "other": ()}.items()
    }
)
NOBODY = np.zeros(4, dtype=np.bool_)
AT = 100.0


def out_of_line(lost: int, loss_ratio: float, *, clean: bool = False) -> bool:
    (found,) = is_out_of_line(np.array([lost]), np.array([clean]), np.array([loss_ratio]))
    return bool(found)


def test_on_a_clean_link_one_lost_ping_is_out_of_line() -> None:
    assert out_of_line(1, 0.0, clean=True)
    assert not out_of_line(1, 0.0)
    assert out_of_line(2, 0.0)


def test_the_lossier_the_link_the_longer_the_run_that_is_out_of_line() -> None:
    least = {ratio: min(n for n in range(1, 99) if out_of_line(n, ratio)) for ratio in (0.01, 0.05, 0.3)}
    assert least == {0.01: 2, 0.05: 4, 0.3: 8}


def test_where_the_loss_is_not_known_nothing_is_out_of_line() -> None:
    assert not out_of_line(11, np.nan)


def taken(*names: str, counts: bool = True) -> Blips:
    blips = Blips(4)
    positions = np.array([GRAPH.index[name] for name in names])
    blips.take(positions, np.full(len(names), counts), AT)
    return blips


def due(blips: Blips, after_s: float = HOLD_S, anchors: tuple[str, ...] = ()) -> list[str]:
    indices = [GRAPH.index[name] for name in anchors]
    return [GRAPH.ids[i] for i in blips.due(GRAPH, indices, NOBODY, AT + after_s)]


def test_a_gap_counts_once_and_only_when_that_of_its_upstream_would_be_known() -> None:
    blips = taken("camera", "other")
    assert due(blips, HOLD_S - 0.1) == []
    assert due(blips) == ["camera", "other"]
    assert due(blips, 60.0) == []


def test_a_gap_behind_an_upstream_that_has_one_is_the_upstreams() -> None:
    blips = taken("camera")
    blips.take(np.array([GRAPH.index["core"]]), np.array([True]), AT + 1)
    assert due(blips) == []
    assert due(blips, 1 + HOLD_S) == ["core"]


def test_a_gap_of_an_upstream_explains_others_though_it_does_not_count_itself() -> None:
    blips = taken("core", counts=False)
    blips.take(np.array([GRAPH.index["site"]]), np.array([True]), AT)
    assert due(blips) == []


def test_gaps_behind_an_upstream_that_is_or_was_down_do_not_count() -> None:
    blips = taken("site", "other")
    down = np.array([True, False, False, False])
    assert not blips.due(GRAPH, (), down, AT + 1).size
    assert due(blips) == ["other"]


def test_gaps_of_our_own_uplink_are_nobodys() -> None:
    assert due(taken("core", "other", "camera"), anchors=("core", "other")) == []
    assert due(taken("camera"), anchors=("core", "other")) == ["camera"]


def test_what_is_waiting_moves_with_its_target() -> None:
    before, after = taken("camera"), Blips(2)
    after.adopt(before, np.array([-1, GRAPH.index["camera"]]))
    small = UpstreamGraph({n: Target(n, n, Kind.HOST, "127.0.0.1") for n in ("new", "camera")})
    assert after.due(small, (), np.zeros(2, dtype=np.bool_), AT + HOLD_S).tolist() == [1]
