"""The shape of the inventory file: one model for each kind of entry (the only home of pydantic).

Models know shapes and references; what needs more than one entry is checked in `load`. Validation
gets the known ids as context: what -> ids.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from linkwatch.config import addresses, quantities
from linkwatch.config.problems import Step, suggest
from linkwatch.config.secrets import Secret, quote
from linkwatch.config.settings import DEFAULT_STORE
from linkwatch.core.inventory import IPNetwork, Kind

T = TypeVar("T")
KnownIds = Mapping[str, Collection[str]]
"""What can be referred to (`site`, `target`, …) -> the ids that the file writes."""

LANGUAGES = ("vi", "en")


def _scalar(read: Callable[[str], Any]) -> PlainValidator:
    """A field whose text is read by `read`."""

    def validate(value: Any) -> Any:
        found = read(_text(value))
        return str(found) if isinstance(found, Secret) else found

    return PlainValidator(validate)


def _reference(what: str) -> PlainValidator:
    """A field that holds the id of a known `what`."""

    def validate(value: Any, info: ValidationInfo) -> str:
        known = (info.context or {}).get(what, ())
        if _text(value) not in known:
            raise ValueError(f"there is no {what} {quote(value)}{suggest(value, known)}")
        return str(value)

    return PlainValidator(validate)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be one value, not {_shape(value)}")
    return value


def _unique(values: list[T]) -> list[T]:
    seen: set[T] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{quote(value)} is there twice")
        seen.add(value)
    return values


def _shape(value: Any) -> str:
    names: dict[type, str] = {dict: "a mapping", list: "a list", type(None): "nothing"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "a text")


Text = Annotated[str, _scalar(quantities.line)]
Id = Annotated[str, _scalar(quantities.identifier)]
Duration = Annotated[float, _scalar(quantities.duration)]
Positive = Annotated[float, _scalar(quantities.positive)]
Repeat = Annotated[float, _scalar(quantities.pause)]
Bandwidth = Annotated[float, _scalar(quantities.bandwidth)]
Loss = Annotated[float, _scalar(quantities.loss)]
Ratio = Annotated[float, _scalar(quantities.ratio)]
Number = Annotated[float, _scalar(quantities.number)]
Integer = Annotated[int, _scalar(quantities.integer)]
Flag = Annotated[bool, _scalar(quantities.flag)]
Network = Annotated[IPNetwork, _scalar(quantities.network)]
Address = Annotated[str, _scalar(addresses.address)]
Url = Annotated[str, _scalar(addresses.url)]
Listen = Annotated[tuple[str, int], _scalar(addresses.listen)]
StoreUrl = Annotated[str, _scalar(addresses.store_url)]
Language = Annotated[str, _scalar(quantities.one_of(*LANGUAGES))]
KindName = Annotated[str, _scalar(quantities.one_of(*(kind.value for kind in Kind)))]
OrganizationRef = Annotated[str, _reference("organization")]
ContactRef = Annotated[str, _reference("contact")]
NotifyRef = Annotated[str, _reference("contact to notify")]
SiteRef = Annotated[str, _reference("site")]
ClassRef = Annotated[str, _reference("class")]
TargetRef = Annotated[str, _reference("target")]
ChannelRef = Annotated[str, _reference("channel")]
Networks = Annotated[list[Network], AfterValidator(_unique)]
Contacts = Annotated[list[ContactRef], AfterValidator(_unique)]
Targets = Annotated[list[TargetRef], AfterValidator(_unique)]


class Entry(BaseModel):
    """An entry of the file; an empty value counts as left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, data: Any) -> Any:
        if data is None:
            return {}
        if isinstance(data, dict) and None in data.values():
            return {key: value for key, value in data.items() if value is not None or key not in _fields(cls)}
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
    notify: Annotated[list[NotifyRef], Field(min_length=1), AfterValidator(_unique)]
    channels: Annotated[list[ChannelRef], AfterValidator(_unique)] = []


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


Found = tuple[tuple[Step, ...], str]
"""Where, below the value that was read, and what is wrong."""


def read(shape: Any, raw: Any, known: KnownIds) -> tuple[Any, list[Found]]:
    """`raw` as a `shape` (a model or an annotated type), or None and everything that is wrong with it."""
    try:
        if isinstance(shape, type) and issubclass(shape, BaseModel):
            return shape.model_validate(raw, context=known), []
        return _adapter(shape).validate_python(raw, context=known), []
    except ValidationError as errors:
        return None, list(_explain_all(shape, errors))


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def _explain_all(shape: Any, errors: ValidationError) -> Iterator[Found]:
    for error in errors.errors(include_url=False):
        path = tuple(step for step in error["loc"] if step != "[key]")
        yield path, _explain(shape, path, error)


def _explain(shape: Any, path: tuple[Step, ...], error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "missing":
        return f"is missing (needed here: {', '.join(_required(_model_at(shape, path[:-1])))})"
    if kind == "extra_forbidden":
        return "unknown key" + suggest(str(path[-1]), _fields(_model_at(shape, path[:-1])))
    if kind == "too_short":
        return "is empty; write at least one"
    wanted = {"model_type": "a mapping", "dict_type": "a mapping", "list_type": "a list"}
    return f"must be {wanted[kind]}, not {_shape(error['input'])}" if kind in wanted else error["msg"]


def _model_at(shape: Any, path: Sequence[Step]) -> type[BaseModel]:
    """The model that stands at `path` below a shape."""
    model = _model_in(shape)
    if model is None:
        raise LookupError(f"no model in {shape}")
    for step in path:
        field = next((f for name, f in model.model_fields.items() if (f.alias or name) == step), None)
        model = (_model_in(field.annotation) if field else None) or model
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def _fields(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _required(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in model.model_fields.items() if field.is_required())
