import numpy as np

from linkwatch.core.coverage import Coverage, Verdict
from linkwatch.core.inventory import Kind, Target
from linkwatch.core.topology import DOWN, UNKNOWN

IDS = {"link": (), "router": ("link",), "camera": ("router",), "anchor": ()}


def coverage() -> Coverage:
    targets = {name: Target(name, name, Kind.HOST, "127.0.0.1", via=via) for name, via in IDS.items()}
    return Coverage(targets, ["anchor"])


def verdict(down: dict[str, float], suspect: str = "") -> Verdict:
    return Verdict(
        up=np.array([0 if name in down else 1 for name in IDS], dtype=np.int8),
        down_since=np.array([down.get(name, 0.0) for name in IDS]),
        suspect=np.array([name in suspect.split() for name in IDS]),
        maintenance=np.zeros(4, dtype=np.bool_),
    )


def hidden(c: Coverage, target: str, sent_at: float) -> bool:
    return bool(c.hides(np.array([list(IDS).index(target)]), np.array([sent_at]))[0])


def test_samples_of_a_dead_target_are_hidden_from_its_first_lost_echo() -> None:
    c = coverage()
    c.judge(verdict({}), 100.0)
    c.judge(verdict({"link": 104.0}), 106.0)
    assert not hidden(c, "link", 103.9)
    assert hidden(c, "link", 104.0)
    assert hidden(c, "camera", 104.5), "covered by the link: hidden since the link fell silent"
    assert not hidden(c, "anchor", 104.5)


def test_losses_decided_after_the_recovery_stay_hidden() -> None:
    c = coverage()
    c.judge(verdict({"link": 104.0}), 106.0)
    c.judge(verdict({}), 120.0)
    assert hidden(c, "camera", 119.0)
    assert not hidden(c, "camera", 120.5)


def test_an_unhealthy_child_stays_covered_until_it_settles() -> None:
    c = coverage()
    c.judge(verdict({"link": 104.0, "router": 104.0, "camera": 104.0}), 106.0)
    after = c.judge(verdict({"router": 104.0, "camera": 104.0}), 110.0)
    assert after.root_of("router") == "link"
    assert after.root_of("camera") == "router"
    later = c.judge(verdict({"router": 104.0, "camera": 104.0}), 121.0)
    assert later.root_of("router") is None


def test_isolated_nothing_silent_is_called_down() -> None:
    c = coverage()
    r = c.judge(verdict({"anchor": 100.0, "link": 100.5}), 103.0)
    assert r.isolated
    assert r.verdict("link") == UNKNOWN
    assert r.verdict("camera") == 1, "what answers is up, isolated or not"
    assert hidden(c, "camera", 100.2)
    back = c.judge(verdict({"link": 100.5}), 110.0)
    assert not back.isolated
    assert back.verdict("link") == DOWN
    assert back.is_settling("link")
    assert not c.judge(verdict({"link": 100.5}), 121.0).is_settling("link")


def test_a_suspected_upstream_leaves_its_children_undecided() -> None:
    r = coverage().judge(verdict({}, suspect="link"), 100.0)
    assert r.is_undecided("camera")
    assert not r.is_undecided("link")
