"""A small province in virtual time: real coverage, real rules on a real board, real incidents.

What a test says: who is down or silent, how much time passes. What it reads: `messages`, `events`,
`incidents`. The dictionaries stand for the store: a restart keeps nothing else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np

from linkwatch.core.blame import Evidence
from linkwatch.core.board import Board
from linkwatch.core.coverage import Coverage, Verdict
from linkwatch.core.grouping import Situation
from linkwatch.core.incident import IncidentBook
from linkwatch.core.inventory import (
    Circuit,
    Contact,
    EscalationPolicy,
    Inventory,
    Kind,
    Organization,
    ProbeSpec,
    Scope,
    Site,
    Step,
    Target,
)
from linkwatch.core.message import Style
from linkwatch.core.records import (
    Alert,
    Changes,
    Event,
    Incident,
    IncidentState,
    Notification,
    NotificationKind,
)
from linkwatch.core.rules import AlertMachine, Rule
from linkwatch.core.topology import DOWN, UNKNOWN, UP, Reachability

STYLE = Style(ZoneInfo("Asia/Ho_Chi_Minh"), "https://lw.example")
START = 1_612_144_800.0  # 2021-02-01 09:00:00 in Thanh Hóa

PAGE, RESOLVED = NotificationKind.PAGE, NotificationKind.RESOLVED
ICMP = ProbeSpec("icmp", "icmp", 1.0, 3.0, None)
SNMP = ProbeSpec("snmp", "snmp", 30.0, 5.0, None)

DOWN_RULE = Rule(
    "TargetDown",
    "linkwatch_up == 0",
    for_s=3.0,
    labels={"severity": "critical"},
    annotations={
        "summary": "Mất kết nối tới {{ $labels.target }}",
        "summary_en": "{{ $labels.target }} is unreachable",
    },
)
SNMP_RULE = Rule("SnmpSilent", 'linkwatch_probe_success{probe="snmp"} == 0', labels={"severity": "warning"})
ISOLATED_RULE = Rule("LinkwatchIsolated", "linkwatch_isolated == 1", labels={"severity": "critical"})
RULES = (DOWN_RULE, SNMP_RULE, ISOLATED_RULE)

CONTACTS = (
    Contact("it-duty", "Trực CNTT", "it-centre", "vi", {"chat": "secret-1", "sms": "secret-2"}),
    Contact("vnpt-duty", "Trực VNPT", "vnpt", "vi", {"sms": "secret-3", "chat": "secret-4"}),
    Contact("chief", "Lãnh đạo", "it-centre", "vi", {"sms": "secret-5"}),
)
ORGANIZATIONS = (
    Organization("it-centre", "Trung tâm CNTT-TT", duty=("it-duty",)),
    Organization("vnpt", "VNPT Thanh Hóa", duty=("vnpt-duty",)),
)
POLICY = EscalationPolicy(
    {"severity": "critical"},
    (
        Step(0.0, ("it-duty",), ("chat",)),
        Step(300.0, ("fault-owner",), ("sms", "chat")),
        Step(900.0, ("chief",)),
    ),
    repeat_s=600.0,
)
WARNING_POLICY = EscalationPolicy({"severity": "warning"}, (Step(0.0, ("it-duty",), ("chat",)),))


def target(id_: str, *via: str, kind: Kind = Kind.ROUTER, owner: str = "it-centre", **more: object) -> Target:
    circuit = Circuit("38TH0123") if kind is Kind.LINK else None
    fields = {"address": "127.0.0.1", "site": "kcl", "probes": (ICMP,), "circuit": circuit, **more}
    return Target(id_, f"Thiết bị {id_}", kind, owner=owner, via=via, **fields)


def link(id_: str, *via: str, **more: object) -> Target:
    return target(id_, *via, kind=Kind.LINK, owner="vnpt", **more)


def province(
    targets: Iterable[Target],
    policies: Sequence[EscalationPolicy] = (POLICY, WARNING_POLICY),
    *,
    anchors: Sequence[str] = (),
    contacts: Sequence[Contact] = CONTACTS,
    organizations: Sequence[Organization] = ORGANIZATIONS,
) -> Inventory:
    return Inventory(
        scope=Scope(()),
        targets={t.id: t for t in targets},
        organizations={o.id: o for o in organizations},
        contacts={c.id: c for c in contacts},
        sites={"kcl": Site("kcl", "Khu cách ly Hàm Rồng", area="Thanh Hóa/TP Thanh Hóa")},
        escalations=tuple(policies),
        anchors=tuple(anchors),
    )


@dataclass
class World:
    inventory: Inventory
    rules: Sequence[Rule] = RULES
    now: float = START
    down: set[str] = field(default_factory=set)
    unmeasured: set[str] = field(default_factory=set)
    suspect: set[str] = field(default_factory=set)
    maintenance: set[str] = field(default_factory=set)
    evidence: Evidence = field(default_factory=Evidence)
    rows: dict[int, Incident] = field(default_factory=dict)
    alert_rows: dict[str, Alert] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    messages: list[Notification] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """The process died: only the rows are left."""
        self.board = Board()
        self.coverage = Coverage(self.inventory.targets, self.inventory.anchors)
        self.machine = AlertMachine(self.rules, tuple(self.alert_rows.values()))
        self.book = IncidentBook(
            STYLE, tuple(self.rows.values()), tuple(self.alert_rows.values()), max(self.rows, default=0) + 1
        )

    def withdraw(self, id_: str) -> None:
        """The target is taken out of the inventory."""
        left = [t for t in self.inventory.targets.values() if t.id != id_]
        self.inventory = province(left, self.inventory.escalations, anchors=self.inventory.anchors)
        self.coverage = Coverage(self.inventory.targets, self.inventory.anchors)
        self.board.forget_targets([id_])

    def run(self, seconds: float) -> None:
        """Let time pass, one judgement a second."""
        for _ in range(round(seconds)):
            self.tick()

    def tick(self) -> None:
        self.commit(self.book.decide(self.look()))

    def look(self) -> Situation:
        """The next judgement, a second later."""
        self.now += 1.0
        self.reachability = self._judge_reachability()
        transitions = self.machine.step(
            self.board, self.now, isolated=self.reachability.isolated, targets=self.inventory.targets
        )
        return Situation(
            self.now,
            self.machine.active,
            transitions,
            self.reachability,
            self.inventory,
            self.machine.latest,
            self.evidence,
        )

    def commit(self, changes: Changes) -> None:
        self.alert_rows.update((alert.id, alert) for alert in changes.alerts)
        for id_ in changes.gone_alerts:
            self.alert_rows.pop(id_, None)
        self.rows.update((incident.id, incident) for incident in changes.incidents)
        self.events += changes.events
        self.messages += changes.notifications
        self.book.apply(changes)

    def ack(self, id_: int, by: str = "it-duty", note: str = "") -> None:
        self.commit(self.book.acknowledge(id_, by, self.inventory, self.now, note))

    def set(self, metric: str, id_: str, value: float, **labels: str) -> None:
        """Something else is measured, between two judgements."""
        self._put(metric, id_, value, self.now + 0.5, **labels)

    def _put(self, metric: str, id_: str, value: float, at: float, **labels: str) -> None:
        series = {**self.inventory.targets[id_].labels(), **labels}
        self.board.column(metric).set(series, value, at)

    def told(self, root: str, kind: NotificationKind | None = None) -> list[tuple[str, str, str]]:
        """(kind, contact, channel) of every message about incidents of this root, in order."""
        ids = {i.id for i in self.rows.values() if i.root == root}
        chosen = [m for m in self.messages if m.incident in ids and kind in (None, m.kind)]
        return [(m.kind.value, m.contact, m.channel) for m in chosen]

    def of(self, root: str) -> list[Incident]:
        return [incident for incident in self.rows.values() if incident.root == root]

    def open(self) -> list[str]:
        return [i.root for i in self.rows.values() if i.state is not IncidentState.RESOLVED]

    def timeline(self, id_: int) -> list[str]:
        return [event.kind for event in self.events if event.incident == id_]

    def _judge_reachability(self) -> Reachability:
        ids = self.coverage.graph.ids
        up = np.array([self._verdict(id_) for id_ in ids], dtype=np.int8)
        marks = [np.array([i in marked for i in ids]) for marked in (self.suspect, self.maintenance)]
        reach = self.coverage.judge(Verdict(up, np.full(len(ids), self.now), *marks), self.now)
        column = self.board.column("linkwatch_up")
        for i, id_ in enumerate(ids):
            if reach.up[i] == UNKNOWN:
                column.clear([column.ensure(self.inventory.targets[id_].labels())])
            else:
                self._put("linkwatch_up", id_, float(reach.up[i]), self.now)
        self.board.column("linkwatch_isolated").set({}, float(reach.isolated), self.now)
        return reach

    def _verdict(self, id_: str) -> int:
        if id_ in self.unmeasured:
            return UNKNOWN
        return DOWN if id_ in self.down else UP
