"""Policies and plans."""

from linkwatch.core.escalation import match_policy, reach, strengthen, tell_fault_owner_again
from linkwatch.core.inventory import Contact, EscalationPolicy, Step
from linkwatch.core.records import Plan, PlannedStep


def policy(*steps: tuple[float, str], repeat_s: float | None = None, **match: str) -> EscalationPolicy:
    return EscalationPolicy(match, tuple(Step(after, (who,)) for after, who in steps), repeat_s)


def shown(plan: Plan) -> list[tuple[float, str]]:
    return [(step.after_s, step.notify[0]) for step in plan.steps]


def test_the_first_policy_that_matches_is_taken() -> None:
    exact, pattern, any_ = policy(severity="critical"), policy(owner="~vnpt.*"), policy()
    assert match_policy([exact, pattern, any_], {"severity": "critical", "owner": "vnpt"}) is exact
    assert match_policy([exact, pattern, any_], {"severity": "warning", "owner": "vnpt-hn"}) is pattern
    assert match_policy([exact, pattern, any_], {"owner": "not-vnpt"}) is any_, "the whole value must match"
    assert match_policy([exact], {}) is None


def test_a_plan_gains_steps_and_gets_faster_and_loses_nothing() -> None:
    plan = strengthen(Plan(), policy((0, "a"), (600, "b"), (1200, "c"), repeat_s=900), 0.0)
    assert shown(strengthen(plan, policy((0, "x"), (100, "b"), repeat_s=300), 60.0)) == [
        (0, "a"),
        (60, "x"),
        (160, "b"),
        (1200, "c"),
    ]
    assert strengthen(plan, policy((0, "x"), repeat_s=300), 60.0).repeat_s == 300
    assert strengthen(plan, policy((0, "x")), 60.0).repeat_s == 900
    assert strengthen(plan, None, 60.0) is plan
    assert shown(strengthen(plan, policy((900, "b")), 60.0))[1] == (600, "b"), "never later"


def test_what_was_told_is_not_told_again_and_keeps_its_number() -> None:
    plan = Plan((PlannedStep(0.0, ("a",), done_at=1.0), PlannedStep(300.0, ("b",))))
    stronger = strengthen(plan, policy((0, "a"), (0, "c"), (60, "b")), 30.0)
    assert shown(stronger) == [(0, "a"), (30, "c"), (90, "b")]
    assert stronger.steps[0].done_at == 1.0


def test_nagging_steps_with_the_same_receivers_stay_apart() -> None:
    nagging = policy((0, "a"), (300, "a"), (600, "a"))
    plan = strengthen(Plan(), nagging, 0.0)
    assert shown(plan) == [(0, "a"), (300, "a"), (600, "a")]
    assert strengthen(plan, nagging, 200.0) == plan


def test_the_step_for_the_fault_owner_comes_again_for_another_one() -> None:
    done = Plan((PlannedStep(0.0, ("fault-owner",), ("sms",), done_at=1.0), PlannedStep(300.0, ("b",))))
    again = tell_fault_owner_again(done, 60.0)
    assert again.steps[1] == PlannedStep(60.0, ("fault-owner",), ("sms",))
    assert tell_fault_owner_again(again, 60.0) is again
    assert tell_fault_owner_again(Plan(), 60.0) == Plan()


def test_both_wanted_channels_are_used_and_the_others_are_fallback_once() -> None:
    contact = Contact("c", "C", channels={"mail": "1", "sms": "2", "chat": "3", "modem": "4"})
    told = reach(contact, ("sms", "chat"))
    assert [(r.channel, r.fallback) for r in told] == [("sms", ("mail", "modem")), ("chat", ())]
    assert [(r.channel, r.fallback) for r in reach(contact)] == [("mail", ("sms", "chat", "modem"))]
    assert reach(Contact("d", "D")) == ()
