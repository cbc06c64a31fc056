"""The shape of the inventory file: one model for each kind of entry.

Models know shapes and references; what needs more than one entry is checked in `load`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from linkwatch.config.fields import (
    Address,
    Bandwidth,
    ChannelRef,
    ClassRef,
    Contacts,
    Duration,
    Flag,
    Id,
    Integer,
    KindName,
    Language,
    Listen,
    Loss,
    Networks,
    NotifyRef,
    Number,
    OrganizationRef,
    Positive,
    Ratio,
    Repeat,
    SiteRef,
    StoreUrl,
    Targets,
    Text,
    Url,
    unique,
)
from linkwatch.config.reading import keys_of
from linkwatch.config.settings import DEFAULT_STORE


class Entry(BaseModel):
    """An entry of the file; an empty value counts as left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, data: Any) -> Any:
        if data is None:
            return {}
        if isinstance(data, dict) and None in data.values():
            return {key: value for key, value in data.items() if value is not None or key not in keys_of(cls)}
        return data


class OrganizationEntry(Entry):
    """Who owns or operates targets."""

    name: Text | None = None
    networks: Networks = []
    duty: Contacts | None = None


class ContactEntry(Entry):
    """A person or duty desk."""

    name: Text | None = None
    organization: OrganizationRef | None = None
    language: Language | None = None
    channels: dict[Id, Text] = {}


class SiteEntry(Entry):
    """Where targets stand."""

    name: Text | None = None
    kind: Text = ""
    area: Text = ""
    location: list[Number] | None = None
    contacts: Contacts = []

    @field_validator("location")
    @classmethod
    def _on_earth(cls, location: list[float] | None) -> list[float] | None:
        on_earth = not location or (len(location) == 2 and abs(location[0]) <= 90 and abs(location[1]) <= 180)
        if not on_earth or location == []:
            raise ValueError("is not a place (allowed: [latitude, longitude] in degrees)")
        return location


class ClassEntry(Entry):
    """Objectives of a class of link."""

    loss: Loss | None = None
    rtt: Positive | None = None
    jitter: Positive | None = None
    availability: Ratio | None = None


class CircuitEntry(Entry):
    """What the carrier needs to see first."""

    id: Text = ""
    bandwidth: Bandwidth | None = None


class TargetEntry(Entry):
    """A thing that is watched; its probes are read by `probespec`."""

    id: Id
    kind: KindName
    address: Address
    name: Text | None = None
    site: SiteRef | None = None
    owner: OrganizationRef | None = None
    link_class: ClassRef | None = Field(None, alias="class")
    emergency: Flag | None = None
    via: Targets = []
    probes: list[Any] | None = None
    circuit: CircuitEntry | None = None


class ProbeEntry(Entry):
    """What every probe has; all other keys are settings of its type."""

    type: Text
    name: Id | None = None
    interval: Duration | None = None
    timeout: Positive | None = None


class StepEntry(Entry):
    """Who is told, how, after how long."""

    after: Duration
    notify: Annotated[list[NotifyRef], Field(min_length=1), AfterValidator(unique)]
    channels: Annotated[list[ChannelRef], AfterValidator(unique)] = []


class EscalationEntry(Entry):
    """The steps for incidents that match."""

    match: dict[Text, Text] = {}
    steps: Annotated[list[StepEntry], Field(min_length=1)]
    repeat: Repeat | None = None


class ChannelEntry(Entry):
    """How addresses of one channel become an apprise URL."""

    url: Text = ""
    deadline: Positive = 10.0
    rank: Integer = 0

    @field_validator("url")
    @classmethod
    def _has_place(cls, url: str) -> str:
        names = re.findall(r"\{([^}]*)\}", url)
        if url and ("://" not in url or names.count("to") != 1 or len(names) != 1):
            raise ValueError("is not an apprise URL with {to} once, where the contact's number or name goes")
        return url


class TLSEntry(Entry):
    """Paths of PEM files."""

    certificate: Text
    key: Text


class TrapsEntry(Entry):
    """Where SNMP traps and informs are received; the port needs no right. A sender is heard with the secrets
    of its own snmp probe."""

    listen: Listen = ("0.0.0.0", 1162)


class ServerEntry(Entry):
    """Where the web server listens."""

    listen: Listen = ("127.0.0.1", 8080)
    public_url: Url = ""
    tls: TLSEntry | None = None
    trusted_proxy: Networks = []
    plain: Networks = []
    traps: TrapsEntry | None = None


class StoreEntry(Entry):
    """Where incidents, notifications and history are kept."""

    url: StoreUrl = f"sqlite:///{DEFAULT_STORE}"
