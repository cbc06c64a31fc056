"""What may stand in one field of the inventory file: types whose text is read and checked here.

References are checked against the known ids, which validation gets as context: what -> ids.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, PlainValidator, ValidationInfo

from linkwatch.config import addresses, quantities
from linkwatch.config.problems import suggest
from linkwatch.config.secrets import Secret, quote
from linkwatch.core.inventory import IPNetwork, Kind

T = TypeVar("T")

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
        raise ValueError(f"must be one value, not {shape_of(value)}")
    return value


def unique(values: list[T]) -> list[T]:
    """`values`, of which none may be there twice; raises ValueError."""
    seen: set[T] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{quote(value)} is there twice")
        seen.add(value)
    return values


def shape_of(value: Any) -> str:
    """What a value is, for people who wrote another than was wanted."""
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
Networks = Annotated[list[Network], AfterValidator(unique)]
Contacts = Annotated[list[ContactRef], AfterValidator(unique)]
Targets = Annotated[list[TargetRef], AfterValidator(unique)]
