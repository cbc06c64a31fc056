"""However many mistakes a file has, each is told, at its own line."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkwatch.config.load import ConfigErrors, load

# Lines that are wrong in one way each, by what the message must name. Each stands for itself.
TARGETS = {
    "{{id: t{n}, kind: hots, address: 10.0.0.1}}": "t{n}].kind",
    "{{id: t{n}, kind: host, address: 10.0.0.256}}": "t{n}].address",
    "{{id: t{n}, kind: host, address: 11.0.0.1}}": "t{n}].address",
    "{{id: t{n}, kind: host, address: 10.0.0.1, colour: red}}": "t{n}].colour",
    "{{id: t{n}, kind: host, address: 10.0.0.1, site: nowhere}}": "t{n}].site",
    "{{id: t{n}, kind: host, address: 10.0.0.1, via: [gone]}}": "t{n}].via[0]",
    "{{id: t{n}, kind: host, address: 10.0.0.1, via: [t{n}]}}": "t{n}].via",
    "{{id: t{n}, kind: host, address: 10.0.0.1, probes: [{{type: imcp}}]}}": "t{n}].probes[0].type",
    "{{id: t{n}, kind: host, address: 10.0.0.1, probes: [{{type: snmp, prot: 5}}]}}": "t{n}].probes[0].prot",
    "{{id: t{n}, kind: host, address: 10.0.0.1, probes: [{{type: snmp, port: x}}]}}": "t{n}].probes[0].port",
    "{{id: t{n}, kind: host, address: 10.0.0.1, emergency: perhaps}}": "t{n}].emergency",
    "{{id: t{n}, kind: link, address: 10.0.0.1, circuit: {{bandwidth: 5}}}}": "t{n}].circuit.bandwidth",
    "{{id: T{n}, kind: host, address: 10.0.0.1}}": "T{n}].id",
}
SECTIONS = {
    "organizations: {o: {nme: x}}": "organizations.o.nme",
    "contacts: {c: {organization: nobody}}": "contacts.c.organization",
    "sites: {s: {location: [x, 1]}}": "sites.s.location[0]",
    "classes: {f: {rtt: 5}}": "classes.f.rtt",
    "escalations: [{match: {severity: x}, steps: [{after: 0s, notify: [fault-owner]}]}]": "match.severity",
    "anchors: [gone]": "anchors[0]",
    "server: {listen: '0.0.0.0:80'}": "server.listen",
    "store: {url: 'mysql://x'}": "store.url",
    "rules: [none.yml]": "rules[0]",
    "defaults: {ping: {}}": "defaults.ping",
    "language: fr": "language",
    "tarets: []": "tarets",
}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@settings(deadline=None)
@given(
    rows=st.lists(st.sampled_from(sorted(TARGETS)), min_size=1, max_size=12),
    sections=st.lists(st.sampled_from(sorted(SECTIONS)), unique=True),
)
def test_every_mistake_is_told_at_its_own_line(folder: Path, rows: list[str], sections: list[str]) -> None:
    file = folder / "inventory.yml"
    lines = [
        "scope: [10.0.0.0/8]",
        *sections,
        "targets:",
        *(f"- {row.format(n=n)}" for n, row in enumerate(rows)),
    ]
    file.write_text("\n".join(lines))
    with pytest.raises(ConfigErrors) as caught:
        load(file, {})
    expected = {(i, SECTIONS[text]) for i, text in enumerate(sections, start=2)}
    first = len(sections) + 3
    expected |= {(first + n, TARGETS[row].format(n=n)) for n, row in enumerate(rows)}
    told = [(problem.place.line, problem.path) for problem in caught.value.problems]
    assert len(told) == len(expected)
    for line, path in expected:
        assert any(line == at and where.endswith(path) for at, where in told), (line, path)


def test_two_mistakes_in_one_entry_are_both_told(folder: Path) -> None:
    file = folder / "inventory.yml"
    file.write_text(
        "targets: [{id: a, kind: hots, address: 10.0.0.1, site: x, probes: [{type: icmp, interval: 1}]}]"
    )
    with pytest.raises(ConfigErrors) as caught:
        load(file, {})
    assert [problem.path.removeprefix("targets[a].") for problem in caught.value.problems] == [
        "kind",
        "probes[0].interval",
        "site",
    ]
