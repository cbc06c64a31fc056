"""Reads and checks an inventory: one file or a folder; every mistake at once, with file and line."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from linkwatch.config import fields, kinds, model
from linkwatch.config.addresses import anchored
from linkwatch.config.build import build_inventory
from linkwatch.config.document import Document
from linkwatch.config.gather import gather
from linkwatch.config.problems import ConfigErrors, Problems
from linkwatch.config.secrets import fill_in, quote
from linkwatch.config.settings import ChannelSettings, Config, ServerSettings, TLSFiles, TrapSettings
from linkwatch.config.shipped import rules_dir
from linkwatch.config.yaml_lines import LocatedMap
from linkwatch.core.records import FAULT_OWNER

__all__ = ["ConfigErrors", "load"]

_LANGUAGE, _INSTANCE = "vi", "linkwatch"


def load(path: Path, environ: Mapping[str, str] | None = None) -> Config:
    """The checked configuration in a file or a folder of *.yml; raises ConfigErrors with all mistakes.

    `environ` is where `${NAME}` is looked up, the process environment by default.
    """
    problems = Problems()
    with _without_collector():
        tree, sources = gather(path, problems)
        fill_in(tree, os.environ if environ is None else environ, problems)
        document = Document(tree, problems)
        document.known = _known_ids(document)
        config = _read(document, sources)
    problems.raise_if_any()
    return config


@contextmanager
def _without_collector() -> Iterator[None]:
    """A large file makes a million objects and no rubbish: the collector would look at all in vain."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read(document: Document, sources: tuple[Path, ...]) -> Config:
    language = document.value("language", fields.Language, None) or _LANGUAGE
    channels = _channels(document)
    store = document.value("store", model.StoreEntry, model.StoreEntry()) or model.StoreEntry()
    return Config(
        inventory=build_inventory(document, language, channels),
        server=_server(document),
        store_url=anchored(store.url, document.folder(("store", "url"))),
        rule_files=_rule_files(document),
        channels=channels,
        language=language,
        instance=document.value("instance", fields.Id, None) or _INSTANCE,
        sources=sources,
    )


def _known_ids(document: Document) -> dict[str, Mapping[str, Any]]:
    """Every id that the file writes, in good entries and bad ones: a bad entry is told of once."""
    contacts = document.raw_mapping("contacts")
    rows = document.raw_rows("targets")
    used = [entry.get("channels") for entry in contacts.values() if isinstance(entry, dict)]
    return {
        "organization": document.raw_mapping("organizations"),
        "contact": contacts,
        "contact to notify": {FAULT_OWNER: None, **contacts},
        "site": document.raw_mapping("sites"),
        "class": {**kinds.CLASSES, **document.raw_mapping("classes")},
        "target": {
            row["id"]: None for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)
        },
        "channel": {name: None for names in used if isinstance(names, LocatedMap) for name in names}
        | dict.fromkeys(document.raw_mapping("channels")),
    }


def _channels(document: Document) -> dict[str, ChannelSettings]:
    entries = document.mapping("channels", model.ChannelEntry)
    return {name: ChannelSettings(entry.url, entry.deadline, entry.rank) for name, entry in entries.items()}


def _server(document: Document) -> ServerSettings:
    entry = document.value("server", model.ServerEntry, model.ServerEntry())
    if entry is None:
        return ServerSettings()
    host, port = entry.listen
    protected = entry.tls or entry.trusted_proxy or entry.plain
    if not protected and not ip_address(host).is_loopback:
        text = (
            "is beyond loopback; add tls: {certificate, key}, trusted_proxy: [prefixes] or plain: [prefixes]"
        )
        document.complain(("server", "listen"), text)
    tls = _tls_files(document, entry.tls) if entry.tls else None
    traps = TrapSettings(*entry.traps.listen) if entry.traps else None
    return ServerSettings(
        host, port, entry.public_url, tls, tuple(entry.trusted_proxy), tuple(entry.plain), traps
    )


def _tls_files(document: Document, entry: model.TLSEntry) -> TLSFiles:
    folder = document.folder(("server", "tls"))
    files = TLSFiles(folder / entry.certificate, folder / entry.key)
    for name, file in (("certificate", files.certificate), ("key", files.key)):
        if not os.access(file, os.R_OK) or not file.is_file():
            document.complain(("server", "tls", name), f"{file} is not a file that can be read")
    return files


def _rule_files(document: Document) -> tuple[Path, ...]:
    """The files of the file's globs, or the rules that come with LinkWatch."""
    patterns = document.value("rules", list[fields.Text], None)
    if "rules" not in document.tree:
        return shipped_rules()
    found: dict[Path, None] = {}
    for i, pattern in enumerate(patterns or ()):
        matches = _matches(document.folder(("rules", i)), pattern)
        if not matches:
            document.complain(("rules", i), f"no rule file matches {quote(document.tree['rules'][i])}")
        found.update(dict.fromkeys(matches))
    return tuple(found)


def _matches(folder: Path, pattern: str) -> list[Path]:
    root = Path(pattern).anchor
    try:
        found = Path(root or folder).glob(pattern.removeprefix(root))
        return sorted(file for file in found if file.is_file())
    except (OSError, ValueError):
        return []  # no glob at all, such as `**a`


def shipped_rules() -> tuple[Path, ...]:
    """The rule files that come with LinkWatch."""
    return tuple(sorted(rules_dir().glob("*.yml")))
