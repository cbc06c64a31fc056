"""What `linkwatch check` says of a good file."""

from __future__ import annotations

from pathlib import Path

from linkwatch.config.load import load
from linkwatch.config.settings import Config
from linkwatch.config.summary import describe, find_warnings

EXAMPLE = Path(__file__).parents[2] / "examples" / "thanh-hoa.yml"


def read(tmp_path: Path, text: str) -> Config:
    (tmp_path / "inventory.yml").write_text(text)
    return load(tmp_path / "inventory.yml", {})


def test_the_example_has_no_warnings() -> None:
    assert find_warnings(load(EXAMPLE, {})) == []


def test_a_summary_counts() -> None:
    text = describe(load(EXAMPLE, {}))
    assert text.startswith("targets: 93 (39 link, 36 router, 12 camera,")
    assert "sites: 36, organizations: 4\ncontacts: 5, escalations: 3" in text
    assert "+849" not in text


def test_what_is_probably_not_meant_is_a_warning(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        """
organizations: {vnpt: {}, it: {}}
contacts:
  told: {organization: it, channels: {chat: "json://127.0.0.1/"}}
  forgotten: {channels: {chat: "json://127.0.0.1/"}}
  deaf: {}
escalations: [{steps: [{after: 0s, notify: [told]}]}]
targets:
  - {id: server, kind: host, owner: vnpt, emergency: true, address: 10.0.0.1}
  - {id: router, kind: router, owner: it, address: 10.0.0.2}
""",
    )
    assert find_warnings(config) == [
        "contact forgotten is never told by any escalation",
        "contact deaf has no channel and can never be told",
        "organization vnpt owns targets but has no duty contact",
        "emergency target server has no upstream: an outage of its link is told as its own",
        "1 targets are asked with the SNMP community 'public', such as router",
    ]


def test_an_inventory_that_tells_nobody_is_a_warning(tmp_path: Path) -> None:
    config = read(tmp_path, "targets: [{id: a, kind: host, address: 10.0.0.1}]")
    assert find_warnings(config) == [
        "nobody is ever told: there are no escalations and no contact with a channel"
    ]
