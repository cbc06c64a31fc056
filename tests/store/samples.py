"""Records with every field set, and short ways to make the rest."""

from __future__ import annotations

from typing import Any

from linkwatch.core.records import (
    Alert,
    AlertState,
    Changes,
    Incident,
    IncidentState,
    Notification,
    NotificationKind,
    Plan,
    PlannedStep,
)

ALERT = Alert(
    id="TargetDown/target=link-ham-rong",
    rule="TargetDown",
    labels={"alertname": "TargetDown", "severity": "critical", "target": "link-ham-rong"},
    annotations={"summary": "Mất kết nối Hàm Rồng"},
    value=0.0,
    state=AlertState.FIRING,
    true_since=100.0,
    true_at=130.5,
    fired_at=103.0,
    series=(("linkwatch_up", (("site", "kcl"), ("target", "link-ham-rong"))),),
)

INCIDENT = Incident(
    id=17,
    root="link-ham-rong",
    state=IncidentState.OPEN,
    severity="critical",
    emergency=True,
    opened_at=103.0,
    alerts=(ALERT.id,),
    targets=("link-ham-rong",),
    impact=("router-ham-rong", "camera-1"),
    fault_owner="vnpt-thanh-hoa",
    blame_reason="link-owner",
    summary="Mất kết nối Hàm Rồng",
    covered_since=140.0,
    covered_by="core",
    clock_shift_s=12.5,
    held=True,
    plan=Plan(
        steps=(
            PlannedStep(0.0, ("it-duty",), ("chat",), done_at=103.0),
            PlannedStep(300.0, ("fault-owner",), ("sms", "chat")),
        ),
        repeat_s=900.0,
        told=(("it-duty", "chat"),),
        repeats=2,
    ),
    due_at=403.0,
)


def incident(incident_id: int, **fields: Any) -> Incident:
    plain = {"root": "r", "state": IncidentState.OPEN, "severity": "critical"}
    return Incident(**{"id": incident_id, "emergency": False, "opened_at": 0.0, **plain, **fields})


def notification(key: str, **fields: Any) -> Notification:
    plain = {"incident": 0, "contact": "it-duty", "channel": "chat", "kind": NotificationKind.PAGE}
    texts = {"subject": "Sự cố", "body": "Mất kết nối", "created_at": 0.0}
    return Notification(**{"key": key, **plain, **texts, **fields})


def page(incident_id: int, key: str = "", **fields: Any) -> Changes:
    """An incident and one notification about it."""
    told = notification(key or f"{incident_id}/page/0/it-duty/chat", incident=incident_id, **fields)
    return Changes(incidents=(incident(incident_id),), notifications=(told,))
