"""Rule files in Prometheus's own format -> frozen rules, or every mistake in them with its line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from linkwatch.config.problems import ConfigErrors, Place, Problems
from linkwatch.config.rulereader import Reader
from linkwatch.config.yaml_lines import LocatedMap
from linkwatch.core.promql import PromqlError, parse
from linkwatch.core.rule import Rule
from linkwatch.core.template import TemplateError, parse_template

_GROUP_KEYS = ("name", "interval", "rules")
_RULE_KEYS = ("alert", "expr", "for", "keep_firing_for", "labels", "annotations")


class RuleFileErrors(ConfigErrors):
    """Rule files that cannot be used; `str()` is one line for each mistake."""


def load_rules(paths: Sequence[Path]) -> tuple[Rule, ...]:
    """The rules of all files in their order; raises RuleFileErrors with every mistake of every file.

    An error reads `file:line: group "g", rule "r": what is wrong, what is allowed`.
    """
    problems = Problems()
    rules = [rule for path in paths for rule in _File(path, problems).rules()]
    try:
        problems.raise_if_any()
    except ConfigErrors as errors:
        raise RuleFileErrors(errors.problems) from None
    return tuple(rules)


class _File:
    """One rule file."""

    def __init__(self, path: Path, problems: Problems) -> None:
        self._path = path
        self._reader = Reader(path, problems)
        self._groups: set[str] = set()
        self._rules: dict[tuple[str, tuple[tuple[str, str], ...]], Rule] = {}

    def rules(self) -> list[Rule]:
        tree = self._reader.document(("groups",))
        if tree is None:
            return []
        return [rule for group in self._reader.entries(tree, "groups") for rule in self._group(group)]

    def _group(self, group: LocatedMap) -> list[Rule]:
        reader = self._reader
        reader.where = ""
        name = reader.required(group, "name")
        in_group = reader.where = f'group "{name}"'
        reader.check_keys(group, _GROUP_KEYS)
        if name in self._groups:
            reader.complain(reader.place(group, "name"), "there is another group of this name in the file")
        self._groups.add(name)
        interval_ms = reader.milliseconds(group, "interval")
        rules = []
        for entry in reader.entries(group, "rules"):
            rules += self._rule(entry, name, in_group, interval_ms / 1000 or None)
        reader.where = ""
        return rules

    def _rule(self, entry: LocatedMap, group: str, in_group: str, interval_s: float | None) -> list[Rule]:
        reader = self._reader
        reader.where = in_group
        if "record" in entry:
            name = reader.text(entry, "record")
            reader.where = f'{in_group}, rule "{name}"'
            reader.complain(
                reader.place(entry, "record"),
                "`record` is not supported: LinkWatch keeps no recorded series; write the expression into "
                "the alerts that use it",
            )
            return []
        name = reader.required(entry, "alert")
        reader.where = f'{in_group}, rule "{name}"'
        reader.check_keys(entry, _RULE_KEYS)
        return self._built(entry, name, group, interval_s)

    def _built(self, entry: LocatedMap, name: str, group: str, interval_s: float | None) -> list[Rule]:
        reader = self._reader
        expr = reader.required(entry, "expr")
        labels, annotations = reader.texts(entry, "labels"), reader.texts(entry, "annotations")
        for_ms, keep_ms = reader.milliseconds(entry, "for"), reader.milliseconds(entry, "keep_firing_for")
        sound = [self._check_expression(entry, expr), self._check_templates(entry, "labels", labels)]
        sound.append(self._check_templates(entry, "annotations", annotations))
        if not all(sound):
            return []
        rule = Rule(
            name, expr, for_ms / 1000, keep_ms / 1000, labels, annotations,
            group, str(self._path), entry.place.line, interval_s,
        )  # fmt: skip
        self._refuse_twin(rule, entry.place)
        return [rule]

    def _check_expression(self, entry: LocatedMap, expr: str) -> bool:
        if not expr:
            return False
        try:
            parse(expr)
        except PromqlError as error:
            self._reader.complain(self._reader.place(entry, "expr"), f"`expr`: {error}")
            return False
        return True

    def _check_templates(self, entry: LocatedMap, key: str, texts: dict[str, str]) -> bool:
        sound = True
        for name, text in texts.items():
            try:
                parse_template(text)
            except TemplateError as error:
                self._reader.complain(entry[key].places[name], f"`{key}.{name}`: {error}")
                sound = False
        return sound

    def _refuse_twin(self, rule: Rule, place: Place) -> None:
        first = self._rules.setdefault((rule.name, tuple(sorted(rule.labels.items()))), rule)
        if first is not rule:
            self._reader.complain(
                place, f"the rule on line {first.line} has the same name and labels; give one another label"
            )
