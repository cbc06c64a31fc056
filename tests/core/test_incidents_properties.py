"""Whatever happens, in whatever order: what must always hold of pages, all-clears and incidents."""

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linkwatch.core.grouping import ISOLATION_ALERT
from linkwatch.core.records import Alert, AlertState, IncidentState, NotificationKind
from tests.core.incident_world import PAGE, RESOLVED, World, link, province, target

TARGETS = ("core", "link-a", "link-b", "router", "camera", "dual")
ANCHORS = ("core", "link-b")

events = st.one_of(
    st.tuples(st.just("toggle"), st.sampled_from(TARGETS), st.integers(1, 30)),
    st.tuples(st.just("silence"), st.sampled_from(TARGETS), st.integers(1, 15)),
    st.tuples(st.just("maintain"), st.sampled_from(TARGETS), st.integers(1, 30)),
    st.tuples(st.just("ack"), st.sampled_from(TARGETS), st.integers(1, 30)),
    st.tuples(st.just("restart"), st.just(""), st.integers(1, 30)),
    st.tuples(st.just("wait"), st.just(""), st.sampled_from([1, 60, 320])),
)


def new_world() -> World:
    targets = [
        target("core"),
        link("link-a"),
        link("link-b"),
        target("router", "link-a"),
        target("camera", "router", emergency=True),
        target("dual", "link-a", "link-b"),
    ]
    return World(province(targets, anchors=ANCHORS))


def play(world: World, kind: str, id_: str, seconds: int) -> None:
    if kind == "restart":
        world.restart()
    elif kind == "ack":
        for incident in world.of(id_):
            if incident.state is IncidentState.OPEN:
                world.ack(incident.id)
    elif kind != "wait":
        marks = {"toggle": world.down, "silence": world.unmeasured, "maintain": world.maintenance}[kind]
        marks.symmetric_difference_update({id_})
    for _ in range(seconds):
        tick(world)


def tick(world: World) -> None:
    """One judgement, and what must hold after each."""
    said = len(world.messages)
    world.tick()
    for message in world.messages[said:]:
        incident = world.rows[message.incident]
        assert incident.covered_since is None, "nothing is said of what is covered"
        assert not world.reachability.isolated or incident.root == ISOLATION_ALERT
    open_ones = [i for i in world.rows.values() if i.state is not IncidentState.RESOLVED]
    owners = Counter(alert for incident in open_ones for alert in incident.alerts)
    assert all(owners[alert.id] <= 1 for alert in firing(world)), "one incident per alert"
    assert len({incident.root for incident in open_ones}) == len(open_ones), "one incident per root"


def firing(world: World) -> list[Alert]:
    return [alert for alert in world.machine.active.values() if alert.state is AlertState.FIRING]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(events, min_size=1, max_size=14))
def test_pages_and_all_clears_belong_together(history: list[tuple[str, str, int]]) -> None:
    world = new_world()
    world.run(2)
    for event in history:
        play(world, *event)
    assert len({message.key for message in world.messages}) == len(world.messages)
    world.unmeasured.clear()
    world.maintenance.clear()
    for _ in range(90):
        tick(world)
    every_firing_alert_is_spoken_of(world)
    world.down.clear()
    for _ in range(90):
        tick(world)
    assert world.open() == []
    everybody_paged_heard_the_end_once(world)


def every_firing_alert_is_spoken_of(world: World) -> None:
    """By its own incident, unless something else that is down, or isolation, speaks for it."""
    roots = set(world.open())
    for alert in firing(world):
        spoken_for = world.reachability.isolated or has_dead_upstream(world, alert.target)
        assert spoken_for or (alert.target or alert.rule) in roots


def has_dead_upstream(world: World, id_: str) -> bool:
    via = world.inventory.targets[id_].via
    return bool(via) and all(up in world.down or has_dead_upstream(world, up) for up in via)


def everybody_paged_heard_the_end_once(world: World) -> None:
    for id_, incident in world.rows.items():
        mine = [m for m in world.messages if m.incident == id_]
        told = {(m.contact, m.channel) for m in mine if m.kind is PAGE}
        ends = Counter((m.contact, m.channel) for m in mine if m.kind is RESOLVED)
        assert ends == Counter(dict.fromkeys(told, 1)), incident
        kinds = [m.kind for m in mine]
        assert NotificationKind.RESOLVED not in kinds[: kinds.index(PAGE)] if PAGE in kinds else True
        assert all(m.created_at == incident.resolved_at for m in mine if m.kind is RESOLVED)
