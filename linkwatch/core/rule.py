"""A Prometheus alerting rule as plain data, parsed and ready to be judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from linkwatch.core.catalog import TARGET_LABELS
from linkwatch.core.promql import Expression, parse
from linkwatch.core.promql.syntax import METRIC_NAME
from linkwatch.core.template import Template, parse_template

ALERT_NAME = "alertname"

INVENTORY_LABELS = frozenset(TARGET_LABELS) - {"target"}
"""Labels that the inventory can change while the target stays the same."""

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rule:
    """One alerting rule; times in seconds, `line` is where it starts in `file`.

    Raises PromqlError or TemplateError when its expression or one of its templates is wrong.
    `interval_s`: the interval of its group, None = the default. `key`: identity of what it judges;
    changes with name, expression and labels, not with its texts.
    """

    name: str
    expr: str
    for_s: float = 0.0
    keep_firing_for_s: float = 0.0
    labels: Labels = field(default_factory=dict)
    annotations: Labels = field(default_factory=dict)
    group: str = ""
    file: str = ""
    line: int = 0
    interval_s: float | None = None
    key: str = field(init=False, repr=False, compare=False)
    expression: Expression = field(init=False, repr=False, compare=False)
    label_templates: Mapping[str, Template] = field(init=False, repr=False, compare=False)
    annotation_templates: Mapping[str, Template] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        labels = [f"{name}={text}" for name, text in sorted(self.labels.items())]
        object.__setattr__(self, "key", "\0".join([self.name, self.expr, *labels]))
        object.__setattr__(self, "expression", parse(self.expr))
        object.__setattr__(self, "label_templates", _parsed(self.labels))
        object.__setattr__(self, "annotation_templates", _parsed(self.annotations))

    @property
    def labels_use_value(self) -> bool:
        """Whether an alert's labels change with the value of the expression."""
        return any(template.uses_value for template in self.label_templates.values())

    def alert_labels(self, sample: Labels, value: float, external: Labels) -> dict[str, str]:
        """The labels of the alert for one sample: the sample's, the rule's over them, `alertname`."""
        labels = {name: text for name, text in sample.items() if name != METRIC_NAME}
        for name, template in self.label_templates.items():
            labels[name] = template.render(sample, value, external)
        labels[ALERT_NAME] = self.name
        return {name: text for name, text in labels.items() if text}

    def alert_annotations(self, sample: Labels, value: float, external: Labels) -> dict[str, str]:
        """The annotations of the alert for one sample."""
        return {
            name: template.render(sample, value, external)
            for name, template in self.annotation_templates.items()
        }


def _parsed(texts: Labels) -> dict[str, Template]:
    return {name: parse_template(text) for name, text in texts.items()}


def alert_id(labels: Labels) -> str:
    """The identity of an alert with a target without what the inventory says of it, else of all labels.

    Twelve bytes in hexadecimal of the hash of its labels; `alertname` is one of them.
    """
    ignored = INVENTORY_LABELS if "target" in labels else frozenset[str]()
    return full_id({name: text for name, text in labels.items() if name not in ignored})


def full_id(labels: Labels) -> str:
    """The identity that Prometheus gives an alert: all of its labels."""
    return _digest(sorted(labels.items()))


def _digest(pairs: Iterable[tuple[str, str]]) -> str:
    text = "\0".join(f"{name}\1{value}" for name, value in pairs)
    return blake2b(text.encode(), digest_size=12).hexdigest()
