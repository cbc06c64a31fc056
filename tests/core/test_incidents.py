"""Opening, growing, acknowledging, closing; who is told when."""

import pytest

from linkwatch.core.incident import (
    ResolvedIncidentError,
    StillFiringError,
    UnknownIncidentError,
)
from linkwatch.core.inventory import Contact, EscalationPolicy, Step
from linkwatch.core.records import IncidentState, NotificationKind
from linkwatch.core.rules import Rule
from tests.core.incident_world import (
    CONTACTS,
    DOWN_RULE,
    PAGE,
    POLICY,
    RULES,
    START,
    World,
    link,
    province,
    target,
)

LOSS_RULE = Rule("PacketLoss", "linkwatch_icmp_loss_ratio > 0.01", labels={"severity": "warning"})
INFO_RULE = Rule("Aging", "linkwatch_device_uptime_seconds > 100", labels={"severity": "info"})
WATCHDOG = Rule("Watchdog", "vector(1)", labels={"severity": "none"})
FEW = Rule("FewPaths", "sum by (site) (linkwatch_up) < 2", labels={"severity": "warning"})


def simple(*rules: Rule, policies: tuple[EscalationPolicy, ...] | None = None) -> World:
    targets = [link("link"), target("host")]
    return World(province(targets, policies) if policies else province(targets), rules=(*RULES, *rules))


def cut(world: World, id_: str = "link", seconds: float = 5) -> None:
    world.down.add(id_)
    world.run(seconds)


def heal(world: World, seconds: float = 5) -> None:
    world.down = set()
    world.run(seconds)


def test_steps_are_told_in_their_time_and_fault_owner_is_resolved_when_due() -> None:
    world = simple()
    cut(world)
    assert world.told("link") == [("page", "it-duty", "chat")]
    world.run(300)
    assert world.told("link")[1:] == [("page", "vnpt-duty", "sms"), ("page", "vnpt-duty", "chat")]
    world.run(600)
    assert world.told("link")[3:] == [("page", "chief", "sms")]


def test_repeats_go_to_everybody_told_so_far_until_acknowledged() -> None:
    world = simple()
    cut(world, seconds=5 + 900 + 600)
    repeats = world.told("link", NotificationKind.REPEAT)
    told = [("it-duty", "chat"), ("vnpt-duty", "sms"), ("vnpt-duty", "chat"), ("chief", "sms")]
    assert [(contact, channel) for _, contact, channel in repeats] == told
    world.ack(1)
    world.now += 3000
    world.run(2)
    assert len(world.told("link", NotificationKind.REPEAT)) == 4


def test_a_step_that_finds_somebody_told_already_reminds_them_over_that_channel() -> None:
    world = World(province([target("router")]))
    cut(world, "router", seconds=310)
    assert world.told("router") == [
        ("page", "it-duty", "chat"),
        ("page", "it-duty", "sms"),
        ("repeat", "it-duty", "chat"),
    ]


def test_when_nobody_who_was_told_is_a_contact_any_more_a_repeat_turns_to_the_fault_owner() -> None:
    world = simple(policies=(EscalationPolicy({}, (Step(0.0, ("chief",)),), repeat_s=600.0),))
    cut(world)
    left = [contact for contact in CONTACTS if contact.id != "chief"]
    world.inventory = province([link("link"), target("host")], contacts=left)
    world.restart()
    world.run(1300)
    assert world.told("link")[1:] == [("page", "vnpt-duty", "sms"), ("repeat", "vnpt-duty", "sms")]
    heal(world)
    assert world.told("link", NotificationKind.RESOLVED) == [("resolved", "vnpt-duty", "sms")]


def test_a_step_of_which_nobody_is_a_contact_any_more_turns_to_the_fault_owner() -> None:
    world = simple()
    cut(world)
    left = [contact for contact in CONTACTS if contact.id != "chief"]
    world.inventory = province([link("link"), target("host")], contacts=left)
    world.restart()
    world.run(910)
    assert world.told("link")[3:] == [("repeat", "vnpt-duty", "sms")]


def test_repeats_begin_anew_after_steps_that_a_rise_has_added() -> None:
    nagging = EscalationPolicy({"severity": "warning"}, (Step(0.0, ("it-duty",), ("chat",)),), repeat_s=60.0)
    world = simple(LOSS_RULE, policies=(POLICY, nagging))
    world.set("linkwatch_icmp_loss_ratio", "link", 0.5, window="5m")
    world.run(602)
    assert len(world.told("link", NotificationKind.REPEAT)) == 10
    cut(world, seconds=5 + 900 + 60)
    assert len(world.told("link", NotificationKind.REPEAT)) == 10 + 4


def test_an_acknowledgement_stops_the_steps_and_is_told_to_the_others() -> None:
    world = simple()
    cut(world, seconds=310)
    world.ack(1, by="vnpt-duty", note="Đang ra hiện trường")
    world.ack(1, by="chief")
    world.now += 3000
    world.run(2)
    assert world.told("link", NotificationKind.ACKNOWLEDGED) == [("acknowledged", "it-duty", "chat")]
    assert ("page", "chief", "sms") not in world.told("link")
    assert world.rows[1].acknowledged_by == "vnpt-duty"
    assert world.rows[1].due_at is None


def test_the_all_clear_goes_to_exactly_those_who_were_told_repeats_included() -> None:
    world = simple()
    cut(world, seconds=5 + 900 + 600)
    heal(world)
    resolved = world.told("link", NotificationKind.RESOLVED)
    assert sorted((contact, channel) for _, contact, channel in resolved) == [
        ("chief", "sms"),
        ("it-duty", "chat"),
        ("vnpt-duty", "chat"),
        ("vnpt-duty", "sms"),
    ]


def test_if_nobody_was_told_nothing_is_sent_at_the_end() -> None:
    world = simple(policies=(EscalationPolicy({}, (Step(60.0, ("it-duty",)),)),))
    cut(world)
    heal(world)
    assert world.rows[1].state is IncidentState.RESOLVED
    assert world.messages == []


def test_all_alerts_of_one_target_are_one_incident() -> None:
    world = simple(LOSS_RULE)
    cut(world)
    world.set("linkwatch_icmp_loss_ratio", "link", 0.5, window="5m")
    world.run(1)
    assert world.open() == ["link"]
    assert world.told("link") == [("page", "it-duty", "chat")]
    heal(world)
    assert world.open() == ["link"], "one of its alerts is left"
    world.set("linkwatch_icmp_loss_ratio", "link", 0.0, window="5m")
    world.run(1)
    assert world.open() == []


def test_two_roots_at_one_site_are_two_incidents_that_do_not_name_each_other() -> None:
    world = simple()
    world.down = {"link", "host"}
    world.run(5)
    assert world.open() == ["link", "host"]
    first, second = (message.body for message in world.messages)
    assert "#1" in first
    assert "#2" not in first
    assert "host" not in first
    assert "#1" not in second


def test_a_rise_in_severity_reopens_gains_steps_and_is_told_to_those_who_were_told() -> None:
    world = simple(LOSS_RULE)
    world.set("linkwatch_icmp_loss_ratio", "link", 0.5, window="5m")
    world.run(1)
    assert world.told("link") == [("page", "it-duty", "chat")]
    world.ack(1)
    world.now += 7200
    cut(world)
    assert world.rows[1].state is IncidentState.OPEN
    assert world.told("link")[1:] == [("update", "it-duty", "chat")], "its first step was told already"
    world.run(290)
    assert len(world.told("link")) == 2, "gained steps count from the rise"
    world.run(10)
    assert world.told("link")[2:] == [("page", "vnpt-duty", "sms"), ("page", "vnpt-duty", "chat")]


def test_a_fall_in_severity_is_told_once_it_lasted_and_a_second_outage_pages_again() -> None:
    world = simple(LOSS_RULE)
    world.set("linkwatch_icmp_loss_ratio", "link", 0.5, window="5m")
    world.run(1)
    cut(world)
    world.ack(1)
    heal(world, seconds=250)
    cut(world)
    heal(world, seconds=250)
    assert world.told("link", NotificationKind.UPDATE) == [("update", "it-duty", "chat")], "a flap"
    world.run(60)
    assert len(world.told("link", NotificationKind.UPDATE)) == 2
    assert world.rows[1].severity == "warning"
    cut(world)
    assert len(world.told("link", NotificationKind.UPDATE)) == 3
    assert world.rows[1].state is IncidentState.OPEN
    assert len({message.key for message in world.messages}) == len(world.messages)


def test_info_and_none_open_nothing() -> None:
    world = simple(INFO_RULE, WATCHDOG, policies=(EscalationPolicy({}, (Step(0.0, ("it-duty",)),)),))
    world.set("linkwatch_device_uptime_seconds", "host", 1000.0)
    world.run(5)
    assert not world.open()
    assert world.messages == []


def test_info_does_not_keep_an_incident_open_whose_fault_is_over() -> None:
    world = simple(INFO_RULE)
    cut(world)
    world.set("linkwatch_device_uptime_seconds", "link", 1000.0)
    world.run(5)
    heal(world)
    assert not world.open()
    assert world.told("link", NotificationKind.RESOLVED)


def test_an_alert_without_target_is_its_own_root() -> None:
    world = simple(FEW)
    cut(world)
    world.ack(1)
    assert sorted(world.open()) == ['FewPaths{site="kcl"}', "link"]


def test_a_plan_is_frozen_against_edits_of_the_configuration() -> None:
    world = simple()
    cut(world)
    world.inventory = province(
        world.inventory.targets.values(), [EscalationPolicy({}, (Step(10.0, ("chief",)),))]
    )
    world.run(290)
    assert ("page", "chief", "sms") not in world.told("link")


def test_impact_that_the_emergency_depends_on_matches_the_policies_again() -> None:
    emergency = EscalationPolicy({"emergency": "true"}, (Step(0.0, ("chief",)),))
    child = target("child", "link", emergency=True)
    world = World(province([link("link"), child], [emergency, POLICY]))
    cut(world)
    assert world.told("link") == [("page", "it-duty", "chat")]
    cut(world, "child", seconds=2)
    assert world.rows[1].emergency
    assert world.told("link")[1:] == [("page", "chief", "sms")]


def test_a_target_taken_out_of_the_inventory_ends_its_incident_as_withdrawn() -> None:
    world = simple()
    cut(world)
    world.withdraw("link")
    world.run(2)
    assert world.open() == []
    (end,) = [event for event in world.events if event.kind == "resolved"]
    assert end.detail["reason"] == "withdrawn"
    assert "đưa ra khỏi danh mục" in world.messages[-1].body


def test_a_removed_rule_ends_its_incidents() -> None:
    world = simple()
    cut(world)
    world.machine.replace([rule for rule in RULES if rule is not DOWN_RULE])
    world.run(2)
    assert world.open() == []


def test_a_blip_makes_no_incident() -> None:
    world = simple()
    cut(world, seconds=2)
    heal(world)
    assert world.rows == {}


def test_what_comes_back_after_its_end_is_a_new_incident() -> None:
    world = simple()
    cut(world)
    heal(world)
    cut(world)
    assert [incident.id for incident in world.of("link")] == [1, 2]
    assert len(world.told("link", PAGE)) == 2


def test_a_restart_in_the_middle_repeats_nothing_and_forgets_nothing() -> None:
    world = simple()
    cut(world)
    world.restart()
    world.run(299)
    assert len(world.told("link")) == 3, "the second step, in its time"
    world.restart()
    heal(world)
    assert [told for told in world.told("link") if told[0] == "resolved"] != []
    assert len(world.told("link", PAGE)) == 3


def test_steps_that_came_due_while_dead_go_out_once_together() -> None:
    world = simple()
    cut(world)
    world.restart()
    world.now += 5000
    world.tick()
    told = world.told("link")
    assert told[1:] == [("page", "vnpt-duty", "sms"), ("page", "vnpt-duty", "chat"), ("page", "chief", "sms")]
    world.run(300)
    assert len(world.told("link", NotificationKind.REPEAT)) <= 4, "missed repeats are skipped"


def test_a_restart_leaks_nothing_that_was_covered() -> None:
    world = World(province([link("link"), target("router", "link")]))
    cut(world, "router", seconds=10)
    cut(world, "link", seconds=60)
    world.restart()
    world.unmeasured = {"link"}
    world.run(20)
    world.unmeasured = set()
    world.run(300)
    assert world.told("router") == [("page", "it-duty", "chat")]
    heal(world, seconds=60)
    assert world.told("router") == [("page", "it-duty", "chat"), ("resolved", "it-duty", "chat")]


def test_a_restart_does_not_page_children_before_their_upstream_is_measured() -> None:
    world = World(province([link("link"), target("router", "link")]))
    world.down = {"link", "router"}
    world.run(30)
    world.restart()
    world.unmeasured = {"link"}
    world.run(10)
    assert world.told("router") == []
    world.unmeasured = set()
    world.run(30)
    assert world.open() == ["link"]


def test_a_contact_without_the_wanted_channel_is_told_over_its_first_with_the_rest_as_fallback() -> None:
    contacts = [*CONTACTS, Contact("mail-only", "Chỉ thư", channels={"mail": "x", "chat2": "y"})]
    policy = EscalationPolicy({}, (Step(0.0, ("mail-only", "it-duty"), ("sms",)),))
    world = World(province([link("link")], [policy], contacts=contacts))
    cut(world)
    assert [(m.contact, m.channel, m.fallback) for m in world.messages] == [
        ("mail-only", "mail", ("chat2",)),
        ("it-duty", "sms", ("chat",)),
    ]


def test_a_fault_owner_without_duty_is_stood_in_for_and_the_timeline_says_so() -> None:
    policy = EscalationPolicy(
        {}, (Step(0.0, ("it-duty",), ("chat",)), Step(60.0, ("fault-owner",), ("sms",)))
    )
    world = World(province([link("link")], [policy], organizations=()))
    cut(world, seconds=70)
    assert world.told("link") == [("page", "it-duty", "chat"), ("page", "it-duty", "sms")]
    assert "fault-owner-has-no-duty" in world.timeline(1)


def test_what_cannot_be_done_is_said_in_words() -> None:
    world = simple()
    cut(world)
    inventory = world.inventory
    with pytest.raises(StillFiringError, match=r"#1 cannot be closed while TargetDown fires"):
        world.book.resolve(1, "it-duty", inventory, world.now)
    with pytest.raises(UnknownIncidentError, match=r"there is no incident #9"):
        world.ack(9)
    heal(world)
    with pytest.raises(ResolvedIncidentError, match=r"#1 is resolved"):
        world.ack(1)


def test_a_held_incident_may_be_closed_by_hand() -> None:
    world = simple()
    cut(world)
    world.unmeasured = {"link"}
    world.run(5)
    world.commit(world.book.resolve(1, "chief", world.inventory, world.now, "Thiết bị đã thay"))
    assert world.told("link", NotificationKind.RESOLVED) == [("resolved", "it-duty", "chat")]
    assert world.messages[-1].body.startswith("Lãnh đạo đã đóng sự cố của Thiết bị link\nGhi chú: Thiết bị")
    world.run(60)
    assert world.open() == []


def test_a_note_is_only_a_line_in_the_timeline() -> None:
    world = simple()
    cut(world)
    world.commit(world.book.note(1, "it-duty", "đã gọi VNPT", world.inventory, world.now))
    assert world.events[-1].detail == {"by": "it-duty", "note": "đã gọi VNPT"}
    assert world.timeline(1) == ["opened", "fault-owner", "told", "note"]


def test_the_clock_starts_when_the_incident_opens() -> None:
    world = simple()
    cut(world)
    assert world.rows[1].opened_at == START + 4
