"""Whatever stands in a file: a configuration or a list of mistakes, never a traceback."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkwatch.config import model
from linkwatch.config.load import ConfigErrors, load
from linkwatch.config.probesettings import allowed_keys
from linkwatch.config.secrets import Secret
from linkwatch.config.summary import describe
from probes import registry

EXAMPLE = Path(__file__).parents[2] / "examples" / "thanh-hoa.yml"
ENTRIES = [
    value for value in vars(model).values() if isinstance(value, type) and issubclass(value, model.Entry)
]
KEYS = sorted(
    {field.alias or name for entry in ENTRIES for name, field in entry.model_fields.items()}
    | {key for kind in registry.kinds() for key in allowed_keys(kind)}
    | {"a", "b", "<<", "type", "snmp", "icmp", "http", "fault_owner"}
)
WORDS = [
    *("a", "b", "icmp", "snmp", "http", "host", "router", "10.0.0.1", "10.0.0.0/8", "::1", "0.0.0.0:80", "3"),
    *(
        "5s",
        "5m",
        "fault-owner",
        "critical",
        "~a|b",
        "2c",
        "**a",
        "/",
        "https://a.example/",
        "json://127.0.0.1/{to}",
    ),
    *("${A}", "${B:-b}", "$${", "${file:..}"),
]

scalars = st.none() | st.sampled_from(WORDS) | st.text(max_size=5)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
SMALL = {
    "scope": ["10.0.0.0/8"],
    "anchors": ["a"],
    "organizations": {"a": {"networks": ["10.0.0.0/8"], "duty": ["a"]}},
    "contacts": {
        "a": {"organization": "a", "channels": {"sms": "+84900000001", "chat": "json://127.0.0.1/"}}
    },
    "channels": {"sms": {"url": "json://127.0.0.1/{to}"}},
    "escalations": [{"match": {"site": "a"}, "steps": [{"after": "0s", "notify": ["a", "fault-owner"]}]}],
    "sites": {"a": {"location": ["19.8", "105.7"], "contacts": ["a"]}},
    "classes": {"a": {"loss": "0.1", "rtt": "5s"}},
    "defaults": {"snmp": {"community": "${A}"}},
    "targets": [
        {"id": "a", "kind": "host", "address": "10.0.0.1", "site": "a", "owner": "a", "class": "a"},
        {"id": "b", "kind": "router", "address": "10.0.0.2", "via": ["a"], "probes": [{"type": "snmp"}]},
    ],
    "server": {"listen": "127.0.0.1:0", "public_url": "https://a.example", "plain": ["10.0.0.0/8"]},
    "rules": [str(EXAMPLE)],
    "store": {"url": "sqlite:///a.db"},
}


def paths(value: Any) -> Iterator[tuple[Any, ...]]:
    """The path of every value below."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield (key,)
        if isinstance(inner, dict | list):
            yield from ((key, *path) for path in paths(inner))


def put(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of the document with another value at a path, if that path is still there."""
    if not path:
        return value
    keys = (
        document if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    )
    if path[0] not in keys:
        return document
    changed = document.copy()
    changed[path[0]] = put(document[path[0]], path[1:], value)
    return changed


changes = st.lists(st.tuples(st.sampled_from([(), *paths(SMALL)]), values), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name) / "inventory.yml"


@settings(deadline=None)
@given(changes)
def test_any_document_is_read_or_refused(file: Path, changed: list[tuple[tuple[Any, ...], Any]]) -> None:
    document = reduce(lambda whole, change: put(whole, *change), changed, SMALL)
    file.write_text(json.dumps(document), encoding="utf-8")
    with suppress(ConfigErrors):
        config = load(file, {"A": "s3cret-a"})
        assert "s3cret-a" not in describe(config)
        assert load(file, {"A": "s3cret-a"}) == config


def test_a_checked_configuration_holds_plain_texts() -> None:
    def texts(value: Any) -> Iterator[str]:
        if dataclasses.is_dataclass(value):
            for field in dataclasses.fields(value):
                yield from texts(getattr(value, field.name))
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                yield from texts(key)
                yield from texts(inner)
        elif isinstance(value, tuple):
            for inner in value:
                yield from texts(inner)
        elif isinstance(value, str):
            yield value

    found = list(texts(load(EXAMPLE, {})))
    assert "+84900000001" in found
    assert not [text for text in found if isinstance(text, Secret)]
