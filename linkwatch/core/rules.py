"""The alert state machine: every rule over the board, every second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence

from linkwatch.core.board import Board
from linkwatch.core.claims import Holding, RuleClaims
from linkwatch.core.evidence import Circumstances, Evidence
from linkwatch.core.lifecycle import Hold, Lifecycle, Why
from linkwatch.core.records import Alert, Transition
from linkwatch.core.rule import Labels, Rule, alert_id

__all__ = ["AlertMachine", "Hold", "Rule", "Why"]


class AlertMachine:
    """Judges rules and keeps their alerts: Prometheus's semantics, and recovery needs evidence.

    Alerts of rules that share a name and whose labels differ only in what the inventory says of the
    target are one alert: it goes on when a target changes hands, and each rule keeps its own `for`.
    """

    def __init__(
        self, rules: Sequence[Rule], restored: Iterable[Alert] = (), *, external_labels: Labels | None = None
    ) -> None:
        self._external = external_labels or {}
        self._lifecycle = Lifecycle(self._external, restored)
        self._evidence = Evidence()
        self._claims: list[RuleClaims] = []
        self.failures: dict[str, str] = {}
        self.failure_counts: Counter[str] = Counter()
        self.replace(rules)

    @property
    def active(self) -> Mapping[str, Alert]:
        """Alerts that are pending, firing or held, by id, as of their last transition.

        Annotations are written when an alert fires: a pending one has none, `latest` writes them.
        """
        return self._lifecycle.active

    @property
    def due_at(self) -> float:
        """When the next pending alert will have lasted for its `for`; inf if none is pending."""
        return self._lifecycle.due_at

    def latest(self, alert: str) -> Alert:
        """The active alert of that id with value, annotations and times as of the last step."""
        return self._lifecycle.latest(alert)

    def replace(self, rules: Sequence[Rule]) -> None:
        """Judge other rules from now on; alerts of rules that are gone end at the next step."""
        self._claims = [RuleClaims(rule, alert_id, self._external) for rule in rules]
        self._lifecycle.adopt(rules)

    def move_times(self, by_s: float) -> None:
        """Go on with a clock that was set by so much; the board's times must be moved as well."""
        self._lifecycle.move_times(by_s)

    def step(self, board: Board, now: float, *, isolated: bool, targets: Container[str]) -> list[Transition]:
        """Evaluate every rule; returns what changed, with the reason of each."""
        holdings = self._evaluate(board, now)
        known = {claims.rule.name for claims in self._claims}
        circumstances = Circumstances(isolated, targets, self.failures, known)
        return self._lifecycle.step(now, holdings, self._evidence.at(board, circumstances))

    def _evaluate(self, board: Board, now: float) -> list[Holding]:
        self.failures = {}
        holdings: list[Holding] = []
        for claims in self._claims:
            try:
                holdings += claims.evaluate(board, now)
            except Exception as error:  # whatever is wrong with one rule, the others must be judged
                self.failures[claims.rule.name] = str(error) or type(error).__name__
                self.failure_counts[claims.rule.name] += 1
        return holdings
