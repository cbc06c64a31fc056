"""No message shows a secret, however it came into the file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkwatch.config.load import ConfigErrors, load

# Letters that no message uses, so that a hit is the secret and not a word like it.
secrets = st.text("øþæðß0123456789ÆØ", min_size=6, max_size=20).filter(lambda text: not text.isdigit())

SLOTS = [
    "scope: [{s}]",
    "language: {s}",
    "instance: {s}",
    "anchors: [{s}]",
    "organizations: {{o: {{networks: [{s}], duty: [{s}]}}}}",
    "contacts: {{c: {{organization: {s}, language: {s}, channels: {{sms: {s}, telex: {s}}}}}}}",
    "sites: {{s: {{location: [{s}], contacts: [{s}]}}}}",
    "classes: {{f: {{loss: {s}, rtt: {s}}}}}",
    "escalations: [{{match: {{severity: {s}, site: {s}}}, steps: [{{after: {s}, notify: [{s}]}}]}}]",
    "escalations: [{{match: {{site: {t}}}, steps: [{{after: 0s, notify: [fault-owner], channels: [{s}]}}]}}]",
    "channels: {{sms: {{url: {s}, deadline: {s}, rank: {s}}}}}",
    "defaults: {{snmp: {{port: {s}, version: {s}, interval: {s}}}}}",
    "server: {{listen: {s}, public_url: {s}, tls: {{certificate: {s}, key: {s}}}}}",
    "store: {{url: {s}}}",
    "rules: [{s}]",
    "targets: [{{id: {s}, kind: {s}, address: {s}, site: {s}, owner: {s}, class: {s}, via: [{s}]}}]",
    "targets: [{{id: {s}, kind: host, address: 10.0.0.1}}, {{id: {s}}}]",
    "targets: [{{id: a, kind: host, address: 10.0.0.1, probes: [{{type: {s}}}, {{type: icmp, name: {s}}}]}}]",
    "targets: [{{id: a, kind: host, address: 10.0.0.1, probes: [{{type: snmp, types: [{s}]}}]}}]",
    "targets: [{{id: a, kind: host, address: 10.0.0.1, probes: [{{type: http, status: [{s}], url: {s}}}]}}]",
    "targets: [{{id: a, kind: host, address: 10.0.0.1, emergency: {s}, circuit: {{bandwidth: {s}}}}}]",
]

LITERALS = [
    "contacts: {{c: {{channels: {{telex: '{s}'}}}}}}",
    "store: {{url: 'mysql://user:{s}@127.0.0.1/x'}}",
    "targets: [{{id: a, kind: portal, address: 'https://user:{s}@127.0.0.1/'}}]",
    "targets: [{{id: a, kind: host, address: 10.0.0.1, probes: [{{type: snmp, version: '3', user: u, "
    "auth_protocol: xx, auth_password: '{s}', priv_password: '{s}'}}]}}]",
    "targets: [{{id: a, kind: host, address: a, probes: [{{type: http, headers: {{'a b': '{s}'}}}}]}}]",
    "contacts: {{c: {{channels: {{chat: *{s}}}}}}}",
]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def complaints(folder: Path, text: str, environ: dict[str, str]) -> str:
    file = folder / "inventory.yml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigErrors) as caught:
        load(file, environ)
    return (
        str(caught.value) + repr(caught.value) + repr(caught.value.__cause__) + repr(caught.value.__context__)
    )


@settings(deadline=None)
@given(secret=secrets, slot=st.sampled_from(SLOTS))
def test_a_value_from_the_environment_is_never_quoted(folder: Path, secret: str, slot: str) -> None:
    text = slot.format(s='"${SECRET}"', t='"~[${SECRET}"')
    assert secret not in complaints(folder, text, {"SECRET": secret})


@settings(deadline=None)
@given(secret=secrets, slot=st.sampled_from(SLOTS))
def test_a_value_from_a_file_is_never_quoted(folder: Path, secret: str, slot: str) -> None:
    (folder / "secret").write_text(secret + "\n", encoding="utf-8")
    text = slot.format(s='"${file:secret}"', t='"~[${file:secret}"')
    assert secret not in complaints(folder, text, {})


@settings(deadline=None)
@given(secret=secrets, slot=st.sampled_from(LITERALS))
def test_a_secret_that_stands_in_the_file_is_never_quoted(folder: Path, secret: str, slot: str) -> None:
    assert secret not in complaints(folder, slot.format(s=secret), {})
