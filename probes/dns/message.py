"""DNS messages (RFC 1035, EDNS RFC 6891, extended errors RFC 8914): a question out, an answer in. Pure.

dnspython makes the question and reads names and records. The frame around the records is read here: with
dnspython's own reader one packet of 1,232 bytes from a hostile server, full of names of a hundred labels,
holds the event loop for 0.3 s, one of 64 KiB over TCP for 20 s, since it hashes every record. Here only the
records that were asked for are read, and not more than `MOST_RECORDS`.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.reversename

from probes.resolve import parse_address

MOST_RECORDS = 100
"""More records of one name and type than this are no answer that a resolver could work with."""

_PAYLOAD_BYTES = 1232  # what passes every path without fragments (DNS flag day 2020)
_HEADER_BYTES = 12
_KEPT = 4096  # what follows from the settings alone is worked out once, not at every run
_MOST_ALIASES = 16
_LONGEST_OPTIONS = 1024
"""Thousands of options are no explanation of anything, and take long to read."""
_IN = dns.rdataclass.IN
_CNAME, _SOA, _TXT, _OPT = (
    dns.rdatatype.CNAME,
    dns.rdatatype.SOA,
    dns.rdatatype.TXT,
    dns.rdatatype.OPT,
)
_OF_NAMES = frozenset(
    dns.rdatatype.from_text(text) for text in ("NS", "CNAME", "DNAME", "PTR", "MX", "SOA", "SRV", "KX", "RP")
)
"""Types whose data are names, in which upper and lower case are the same."""


class MalformedAnswerError(ValueError):
    """An answer to the question, but not one that can be read."""


class _Record(NamedTuple):
    """Where one record stands in a message."""

    section: int
    owner_at: int
    type: int
    record_class: int
    ttl: int
    data_at: int
    data_bytes: int


@dataclass(frozen=True, slots=True)
class Question:
    """A name and a type, and whether the server shall say that it has verified the answer."""

    name: dns.name.Name
    type: dns.rdatatype.RdataType
    authenticated: bool = False

    @classmethod
    @lru_cache(maxsize=_KEPT)
    def parse(cls, name: str, record: str, *, authenticated: bool) -> Question:
        """From texts; an empty `record` is A, of the root NS. Raises ValueError with what is allowed."""
        try:
            type_ = dns.rdatatype.from_text(record or ("NS" if name == "." else "A"))
        except (dns.exception.DNSException, ValueError):
            raise ValueError(f"record: must be a type such as A, AAAA, MX or SOA, not {record!r}") from None
        if dns.rdatatype.is_metatype(type_):
            raise ValueError(f"record: must be one type of data, not {record!r}")
        return cls(_parse_name(name, type_), type_, authenticated)

    def make_query(self, *, extended: bool = True) -> bytes:
        """A message with a fresh random id, which nobody can guess; `extended`: with what EDNS adds."""
        return secrets.token_bytes(2) + _query_behind_id(self, extended)


@dataclass(frozen=True, slots=True)
class Answer:
    """`records`: data of the wanted type at the end of the chain of aliases, sorted. `explanation`: what the
    server says of an error (RFC 8914)."""

    code: int
    is_truncated: bool
    is_authoritative: bool
    is_authenticated: bool
    records: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    serial: int | None = None
    explanation: str = ""

    @property
    def code_text(self) -> str:
        """The response code as people write it."""
        return dns.rcode.to_text(dns.rcode.Rcode.make(self.code))


@lru_cache(maxsize=_KEPT)
def parse_code(text: str) -> int:
    """The number of a response code; raises ValueError with what is allowed."""
    try:
        return int(dns.rcode.from_text(text))
    except (dns.exception.DNSException, ValueError):
        raise ValueError(f"rcodes: must be codes such as NOERROR or NXDOMAIN, not {text!r}") from None


@lru_cache(maxsize=_KEPT)
def normalize_record(question: Question, text: str) -> str:
    """The data of an expected record as answers show it; raises ValueError with what is allowed."""
    quoted = f'"{text}"' if question.type == _TXT and '"' not in text else text
    try:
        data = dns.rdata.from_text(_IN, question.type, quoted, origin=dns.name.root, relativize=False)
    except (dns.exception.DNSException, ValueError):
        wanted = dns.rdatatype.to_text(question.type)
        raise ValueError(f"answers: {text!r} is not the data of a record of type {wanted}") from None
    return _show(data)


def read_answer(question: Question, query: bytes, message: bytes) -> Answer:
    """The answer in `message` to `query`, which asks `question`.

    Raises ValueError if it answers something else, MalformedAnswerError (one, too) if it cannot be read.
    """
    if len(message) < _HEADER_BYTES or message[:2] != query[:2]:
        raise ValueError("a packet that does not answer the question")
    flags, questions = struct.unpack_from("!HH", message, 2)
    asked = query[_HEADER_BYTES : _HEADER_BYTES + len(question.name.to_wire() or b"") + 4]
    repeated = message[_HEADER_BYTES : _HEADER_BYTES + len(asked)]
    # A server that cannot read the question may leave it out.
    is_left_out = questions == 0 and flags & 0xF != dns.rcode.NOERROR
    if not flags & dns.flags.QR or not (
        is_left_out or (questions == 1 and repeated.lower() == asked.lower())
    ):
        raise ValueError("a packet that does not answer the question")
    try:
        return _read(question, message, flags, _HEADER_BYTES + (0 if is_left_out else len(asked)))
    except (dns.exception.DNSException, struct.error, IndexError, ValueError) as error:
        raise MalformedAnswerError(f"an answer that cannot be read: {type(error).__name__}") from None


@lru_cache(maxsize=_KEPT)
def _query_behind_id(question: Question, extended: bool) -> bytes:
    query = dns.message.make_query(question.name, question.type)
    if extended:
        query.use_edns(0, payload=_PAYLOAD_BYTES)
    if question.authenticated:
        query.flags |= dns.flags.AD
    return query.to_wire()[2:]


@dataclass(slots=True)
class _Contents:
    """What the records of one message say, by the name they belong to."""

    data: dict[dns.name.Name, list[dns.rdata.Rdata]] = field(default_factory=dict)
    targets: dict[dns.name.Name, dns.name.Name] = field(default_factory=dict)
    options: _Record | None = None


def _read(question: Question, message: bytes, flags: int, place: int) -> Answer:
    is_truncated = bool(flags & dns.flags.TC)
    contents = _Contents() if is_truncated else _read_records(question, message, place)
    options, chain = contents.options, _follow(question, contents)
    data = contents.data.get(chain[-1], [])
    serials = [one.serial for one in data if question.type == _SOA]  # type: ignore[attr-defined]
    return Answer(
        int(dns.rcode.from_flags(flags, options.ttl if options else 0)),
        is_truncated,
        bool(flags & dns.flags.AA),
        bool(flags & dns.flags.AD),
        tuple(sorted(set(map(_show, data)))),
        tuple(name.to_text() for name in chain[1:]),
        serials[0] if serials else None,
        _explanation(message, options) if options else "",
    )


def _read_records(question: Question, message: bytes, place: int) -> _Contents:
    contents, taken = _Contents(), 0
    for record in _records(message, place):
        if record.type == _OPT and contents.options is None:
            contents.options = record
        if record.section or record.record_class != _IN or record.type not in (question.type, _CNAME):
            continue
        if (taken := taken + 1) > MOST_RECORDS:
            raise ValueError("too many records")
        owner, _ = dns.name.from_wire(message, record.owner_at)
        type_ = dns.rdatatype.RdataType.make(record.type)
        data = dns.rdata.from_wire(_IN, type_, message, record.data_at, record.data_bytes)
        if record.type == question.type:
            contents.data.setdefault(owner, []).append(data)
        else:
            contents.targets[owner] = data.target  # type: ignore[attr-defined]
    return contents


def _follow(question: Question, contents: _Contents) -> list[dns.name.Name]:
    """The name that was asked for, and the aliases that lead on from it."""
    chain = [question.name]
    while chain[-1] not in contents.data and chain[-1] in contents.targets:
        chain.append(contents.targets[chain[-1]])
        if len(chain) > _MOST_ALIASES:
            raise ValueError("a chain of aliases without end")
    return chain


def _records(message: bytes, place: int) -> Iterator[_Record]:
    for section, count in enumerate(struct.unpack_from("!3H", message, 6)):
        for _ in range(count):
            owner_at, place = place, _after_name(message, place)
            type_, class_, ttl, length = struct.unpack_from("!HHIH", message, place)
            place += 10
            if place + length > len(message):
                raise ValueError("a record that is cut off")
            yield _Record(section, owner_at, type_, class_, ttl, place, length)
            place += length


def _after_name(message: bytes, place: int) -> int:
    """Where a name ends, without following its pointer."""
    while (length := message[place]) != 0:
        if length >= 0xC0:
            return place + 2
        place += 1 + length
    return place + 1


def _explanation(message: bytes, record: _Record) -> str:
    if record.data_bytes > _LONGEST_OPTIONS:
        return ""
    data = dns.rdata.from_wire(_IN, _OPT, message, record.data_at, record.data_bytes)
    for option in data.options:  # type: ignore[attr-defined]
        if isinstance(option, dns.edns.EDEOption):
            return option.to_text().removeprefix("EDE ")
    return ""


def _show(data: dns.rdata.Rdata) -> str:
    text = data.to_text()
    return text.lower() if data.rdtype in _OF_NAMES else text


def _parse_name(text: str, type_: dns.rdatatype.RdataType) -> dns.name.Name:
    address = parse_address(text) if type_ == dns.rdatatype.PTR else None
    try:
        return dns.reversename.from_address(str(address)) if address else dns.name.from_text(text)
    except (dns.exception.DNSException, UnicodeError, ValueError):
        raise ValueError(f"query: must be a domain name, not {text!r}") from None
