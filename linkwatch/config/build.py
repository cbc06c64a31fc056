"""Entries of the file become the frozen inventory; what needs more than one entry is checked here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from ipaddress import ip_network
from typing import Any

from linkwatch.config import fields, kinds, model
from linkwatch.config.addresses import Address, parse_address
from linkwatch.config.document import Document
from linkwatch.config.emergency import emergency_ids
from linkwatch.config.escalations import read_escalations
from linkwatch.config.probespec import ProbeReader
from linkwatch.config.problems import name_few
from linkwatch.config.settings import ChannelSettings
from linkwatch.core.inventory import (
    Circuit,
    Contact,
    Inventory,
    IPNetwork,
    Kind,
    Objectives,
    Organization,
    Scope,
    Site,
    Target,
)

_PHONE = re.compile(r"\+?\d{6,15}")


def build_inventory(document: Document, language: str, channels: Mapping[str, ChannelSettings]) -> Inventory:
    """The inventory; what is wrong with it is noted in the document."""
    contacts = _contacts(document, language, channels)
    organizations = _organizations(document, contacts)
    sites = {key: _site(key, entry) for key, entry in document.mapping("sites", model.SiteEntry).items()}
    targets = _targets(document)
    return Inventory(
        scope=_scope(document, organizations),
        targets=targets,
        organizations=organizations,
        contacts=contacts,
        sites=sites,
        classes=_classes(document),
        escalations=read_escalations(document, contacts, organizations),
        anchors=tuple(document.value("anchors", fields.Targets, []) or ()),
    )


def _contacts(
    document: Document, language: str, channels: Mapping[str, ChannelSettings]
) -> dict[str, Contact]:
    _check_channels(document, channels)
    return {
        key: Contact(
            id=key,
            name=entry.name or key,
            organization=entry.organization,
            language=entry.language or language,
            channels={name: _dialled(name, text) for name, text in entry.channels.items()},
        )
        for key, entry in document.mapping("contacts", model.ContactEntry).items()
    }


def _check_channels(document: Document, channels: Mapping[str, ChannelSettings]) -> None:
    """Every address is an apprise URL, or the channel has a URL to put it in; none is ever quoted."""
    for contact, raw in document.raw_mapping("contacts").items():
        written = raw.get("channels") if isinstance(raw, dict) else None
        for name, text in written.items() if isinstance(written, dict) else ():
            path = ("contacts", contact, "channels", name)
            for wrong in _channel_faults(document, channels, name, text) if isinstance(text, str) else ():
                document.complain(path, wrong)


def _channel_faults(
    document: Document, channels: Mapping[str, ChannelSettings], name: str, text: str
) -> Iterator[str]:
    has_url = name in channels and bool(channels[name].url)
    if "://" in text:
        if has_url:
            yield f"is a URL, but the channel {name} has one: write only what stands for {{to}} in it"
        return
    is_broken = name in document.raw_mapping("channels") and name not in channels
    if not has_url and not is_broken:
        add = f'channels: {{{name}: {{url: "scheme://…{{to}}…"}}}}'
        yield f"is no apprise URL, and the channel has no URL to put it in: add {add} to the file"
    if name == "sms" and not _PHONE.fullmatch(_dialled(name, text)):
        yield "is not a phone number (allowed: such as +84900000001)"


def _dialled(channel: str, text: str) -> str:
    """An address as it is sent to; a phone number without what people write between its digits."""
    return re.sub(r"[ .-]", "", text) if channel == "sms" and "://" not in text else text


def _organizations(document: Document, contacts: Mapping[str, Contact]) -> dict[str, Organization]:
    found = {}
    for key, entry in document.mapping("organizations", model.OrganizationEntry).items():
        members = [contact.id for contact in contacts.values() if contact.organization == key]
        duty = members if entry.duty is None else entry.duty
        found[key] = Organization(key, entry.name or key, tuple(entry.networks), tuple(duty))
    return found


def _site(key: str, entry: model.SiteEntry) -> Site:
    location = (entry.location[0], entry.location[1]) if entry.location else None
    return Site(key, entry.name or key, entry.kind, entry.area, location, tuple(entry.contacts))


def _classes(document: Document) -> dict[str, Objectives]:
    """The built-in classes, with those of the file over and beside them."""
    classes = dict(kinds.CLASSES)
    for key, entry in document.mapping("classes", model.ClassEntry).items():
        written = {
            "loss_ratio": entry.loss,
            "rtt_s": entry.rtt,
            "jitter_s": entry.jitter,
            "availability_ratio": entry.availability,
        }
        given = {name: value for name, value in written.items() if value is not None}
        classes[key] = replace(classes.get(key, Objectives()), **given)
    return classes


def _targets(document: Document) -> dict[str, Target]:
    _check_ids(document)
    _check_circles(document)
    probes = ProbeReader(document)
    entries = document.rows("targets", model.TargetEntry)
    by_id = {entry.id: entry for entry in entries.values()}
    emergencies = emergency_ids(by_id)
    targets = {}
    for i, raw in enumerate(document.raw_rows("targets")):
        kind = raw.get("kind") if isinstance(raw, dict) else None
        default = kinds.KINDS[Kind(kind)].probes if kind in tuple(Kind) else ()
        written = raw if isinstance(raw, dict) else {}
        address = str(written.get("address", ""))
        specs = probes.read_all(written.get("probes"), default, ("targets", i), address)
        if i in entries:
            entry = entries[i]
            link_class = _class_of(entry, by_id)
            targets[entry.id] = _target(entry, specs, link_class, emergency=entry.id in emergencies)
    return targets


def _target(entry: model.TargetEntry, probes: tuple[Any, ...], link_class: str, *, emergency: bool) -> Target:
    return Target(
        id=entry.id,
        name=entry.name or entry.id,
        kind=Kind(entry.kind),
        address=entry.address,
        site=entry.site or "",
        owner=entry.owner or "",
        link_class=link_class,
        emergency=emergency,
        via=tuple(entry.via),
        probes=probes,
        circuit=Circuit(entry.circuit.id, entry.circuit.bandwidth) if entry.circuit else None,
    )


def _class_of(entry: model.TargetEntry, by_id: Mapping[str, model.TargetEntry]) -> str:
    """Its own class, else that of the link it stands behind: what is reached over a satellite cannot be
    quicker than the satellite. The way up goes by first upstreams, to the first class or link.
    """
    at, seen = entry, {entry.id}
    while at.link_class is None and at.kind != Kind.LINK and at.via:
        upstream = by_id.get(at.via[0])
        if upstream is None or upstream.id in seen:
            break
        at = upstream
        seen.add(at.id)
    default = at if at.kind == Kind.LINK else entry
    return at.link_class or kinds.KINDS[Kind(default.kind)].link_class


def _check_ids(document: Document) -> None:
    rows = document.raw_rows("targets")
    if not rows and not document.tree.get("targets"):
        document.complain(("targets",), "is missing: there is nothing to watch")
    places: dict[str, int] = {}
    for i, raw in enumerate(rows):
        written = raw.get("id") if isinstance(raw, dict) else None
        if not isinstance(written, str):
            continue
        if written in places:
            first = document.place(("targets", places[written], "id"))
            document.complain(("targets", i, "id"), f"is there twice (first in {first})")
        places.setdefault(written, i)


def _check_circles(document: Document) -> None:
    """Note every circle of `via`, each once, by the names in it."""
    rows = {raw["id"]: i for i, raw in enumerate(document.raw_rows("targets")) if _named(raw)}
    upstreams = {name: _known_via(document.raw_rows("targets")[i], rows) for name, i in rows.items()}
    while True:
        try:
            TopologicalSorter(upstreams).prepare()
            return
        except CycleError as error:
            circle = error.args[1][::-1]
            text = f"the upstreams form a circle: {' via '.join(circle)}"
            document.complain(("targets", rows[circle[0]], "via"), text)
            upstreams[circle[0]] = []


def _named(raw: Any) -> bool:
    return isinstance(raw, dict) and isinstance(raw.get("id"), str)


def _known_via(raw: Mapping[str, Any], rows: Mapping[str, int]) -> list[str]:
    via = raw.get("via")
    return [name for name in via if isinstance(name, str) and name in rows] if isinstance(via, list) else []


def _scope(document: Document, organizations: Mapping[str, Organization]) -> Scope:
    """The written scope, or the targets' own addresses and the organizations' networks."""
    addresses = _addresses(document)
    if "scope" in document.tree:
        networks = document.value("scope", fields.Networks, None)
        if networks is not None:
            _check_inside(document, Scope(tuple(networks)), addresses)
        return Scope(tuple(networks or ()))
    owned = [network for organization in organizations.values() for network in organization.networks]
    literals = [ip_network(address.ip) for address in addresses.values() if address.ip is not None]
    organizations_raw = document.raw_mapping("organizations").values()
    if not any(isinstance(raw, dict) and raw.get("networks") for raw in organizations_raw):
        _check_literal(document, addresses)
    return Scope(tuple(_narrow(owned, literals)))


def _narrow(owned: Iterable[IPNetwork], literals: Iterable[IPNetwork]) -> dict[IPNetwork, None]:
    """Networks in order, each once; addresses that lie in an owned network need no entry of their own."""
    found = dict.fromkeys(owned)
    wide = Scope(tuple(found))
    return found | {one: None for one in literals if not wide.allows(one.network_address)}


def _addresses(document: Document) -> dict[int, Address]:
    """The addresses of all targets that have a good one, by their index."""
    found = {}
    for i, raw in enumerate(document.raw_rows("targets")):
        text = raw.get("address") if isinstance(raw, dict) else None
        try:
            found[i] = parse_address(text) if isinstance(text, str) else None
        except ValueError:
            continue  # noted by the model
    return {i: address for i, address in found.items() if address is not None}


def _check_inside(document: Document, scope: Scope, addresses: Mapping[int, Address]) -> None:
    for i, address in addresses.items():
        if address.ip is not None and not scope.allows(address.ip):
            allowed = name_few([str(network) for network in scope.networks]) or "nothing"
            text = f"{address.ip} lies outside the scope (allowed: {allowed})"
            document.complain(("targets", i, "address"), text)


def _check_literal(document: Document, addresses: Mapping[int, Address]) -> None:
    """Without scope and networks a name could lead nowhere: nothing outside the scope is ever probed."""
    for i, address in addresses.items():
        if address.ip is None:
            text = "is a name; say in `scope` which addresses it may lead to, such as scope: [10.0.0.0/8]"
            document.complain(("targets", i, "address"), text)
