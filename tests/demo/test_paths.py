"""What breaks in the province, and what lies behind it."""

from __future__ import annotations

from linkwatch.demo.paths import Path, Paths
from linkwatch.demo.wire import CUT, Conditions

FAST, SLOW = Conditions(0.001), Conditions(0.005)
CORE, LINK, CAMERA = "10.0.0.1", "10.0.0.2", "10.0.0.3"


def paths() -> Paths:
    return Paths(
        {CORE: Path(FAST, (CORE,)), LINK: Path(SLOW, (CORE, LINK)), CAMERA: Path(SLOW, (CORE, CAMERA))}
    )


def test_what_is_cut_takes_all_behind_it_away_and_gives_it_back() -> None:
    province = paths()
    assert dict(province.cut(CORE)) == {CORE: CUT, LINK: CUT, CAMERA: CUT}
    assert dict(province.heal(CORE)) == {CORE: FAST, LINK: SLOW, CAMERA: SLOW} == dict(province.all())


def test_what_is_cut_twice_heals_only_when_both_are_mended() -> None:
    province = paths()
    assert dict(province.cut(LINK)) == {LINK: CUT}
    assert dict(province.cut(CORE))[LINK] == CUT
    assert dict(province.heal(CORE))[LINK] == CUT
    assert dict(province.heal(LINK)) == {LINK: SLOW}


def test_half_of_the_loss_of_a_degraded_link_is_lost_each_way() -> None:
    assert dict(paths().degrade(LINK, 0.2)) == {LINK: Conditions(0.005, loss_ratio=0.1)}
