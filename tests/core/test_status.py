from __future__ import annotations

import pytest

from linkwatch.core.records import AlertState
from linkwatch.core.status import (
    OPERATIONAL,
    CauseKind,
    Status,
    TargetStatus,
    count,
    judge_statuses,
    overall,
)
from tests.web.world import alert, inventory, reachability

WATCHED = inventory()


def status(target, judged=None, *alerts):
    return judge_statuses(WATCHED.targets, judged, alerts).get(target, OPERATIONAL)


def test_what_answers_and_has_no_alert_is_operational():
    assert judge_statuses(WATCHED.targets, reachability(WATCHED), ()) == {}


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        ({"down": ("portal",)}, TargetStatus(Status.MAJOR_OUTAGE, CauseKind.DOWN)),
        (
            {"down": ("portal",), "covered": {"portal": "link-ham-rong"}},
            TargetStatus(Status.MAJOR_OUTAGE, CauseKind.UPSTREAM, "link-ham-rong"),
        ),
        (
            {"covered": {"portal": "link-ham-rong"}},
            TargetStatus(Status.MAJOR_OUTAGE, CauseKind.UPSTREAM, "link-ham-rong"),
        ),
        ({"unknown": ("portal",)}, TargetStatus(Status.UNKNOWN, CauseKind.NOT_MEASURED)),
        ({"maintenance": ("portal",)}, TargetStatus(Status.UNDER_MAINTENANCE, CauseKind.MAINTENANCE)),
        (
            {"maintenance": ("portal",), "down": ("portal",)},
            TargetStatus(Status.UNDER_MAINTENANCE, CauseKind.MAINTENANCE),
        ),
        ({"isolated": True, "down": ("portal",)}, TargetStatus(Status.UNKNOWN, CauseKind.ISOLATED)),
    ],
)
def test_the_verdict_gives_status_and_cause(judged, expected):
    assert status("portal", reachability(WATCHED, **judged)) == expected


@pytest.mark.parametrize(
    ("severities", "expected"),
    [
        (("warning",), Status.DEGRADED_PERFORMANCE),
        (("critical",), Status.PARTIAL_OUTAGE),
        (("warning", "critical"), Status.PARTIAL_OUTAGE),
        (("info", "none"), Status.OPERATIONAL),
    ],
)
def test_the_worst_alert_of_a_target_that_answers_gives_its_status(severities, expected):
    alerts = [alert(f"Rule{i}", "portal", severity) for i, severity in enumerate(severities)]
    assert status("portal", reachability(WATCHED), *alerts).status is expected


def test_an_alert_that_causes_the_status_is_named():
    found = status("portal", reachability(WATCHED), alert("PacketLoss", "portal", "warning"))
    assert (found.cause, found.reference) == (CauseKind.ALERT, "PacketLoss")


@pytest.mark.parametrize(("state", "counts"), [(AlertState.HELD, True), (AlertState.PENDING, False)])
def test_a_held_alert_counts_and_a_pending_one_does_not(state, counts):
    found = status("portal", reachability(WATCHED), alert("PacketLoss", "portal", "warning", state))
    assert (found is not OPERATIONAL) is counts


def test_an_outage_goes_before_an_alert_and_an_alert_before_silence():
    down, silent = reachability(WATCHED, down=("portal",)), reachability(WATCHED, unknown=("portal",))
    critical = alert("HttpFailing", "portal", "critical")
    assert status("portal", down, critical).cause is CauseKind.DOWN
    assert status("portal", silent, critical).status is Status.PARTIAL_OUTAGE


def test_before_the_first_judgement_nothing_is_known():
    assert status("portal", None, alert("X", "portal", "critical")).status is Status.UNKNOWN


def test_a_target_that_was_never_judged_is_unknown():
    found = judge_statuses([*WATCHED.targets, "new"], reachability(WATCHED), ())
    assert found["new"].cause is CauseKind.NOT_MEASURED


def test_overall_is_the_worst_and_counts_add_up():
    exceptions = list(
        judge_statuses(
            WATCHED.targets, reachability(WATCHED, down=("portal",), unknown=("link-ham-rong",)), ()
        ).values()
    )
    assert overall(exceptions) is Status.MAJOR_OUTAGE
    assert overall([]) is Status.OPERATIONAL
    counts = count(len(WATCHED.targets), exceptions)
    assert counts[Status.OPERATIONAL] == 3
    assert sum(counts.values()) == 5
