"""XML of XMPP: one whole element per message, read by expat with its dangers shut out. Pure.

RFC 6120, 11.1 forbids document types, comments and processing instructions; without document types there
are no entities that could grow.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from probes.bytestream import quote

BIND = "urn:ietf:params:xml:ns:xmpp-bind"
BOSH = "http://jabber.org/protocol/httpbind"
CLIENT = "jabber:client"
DISCO = "http://jabber.org/protocol/disco#info"
FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"
PING = "urn:xmpp:ping"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
SERVICES = "urn:xmpp:extdisco:2"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
STREAMS = "http://etherx.jabber.org/streams"

LONGEST_BYTES = 262_144
_DEEPEST = 30
_MOST_ELEMENTS = 5_000


class MalformedStanza(ValueError):  # noqa: N818 - reads as what it is
    """Not an element of XMPP; the text says why, and quotes nothing."""


def parse(data: str | bytes) -> Element:
    """The element that `data` is, its names as `{namespace}name`; raises MalformedStanza."""
    if len(data) > LONGEST_BYTES:
        raise MalformedStanza(f"more than {LONGEST_BYTES} bytes in one element")
    reader = _Reader()
    try:
        reader.parser.Parse(data, True)
        return reader.builder.close()
    except (expat.ExpatError, UnicodeError, AssertionError):
        raise MalformedStanza("not well-formed XML") from None


def name_of(element: Element) -> str:
    """The name of an element, without its namespace."""
    return element.tag.rpartition("}")[2]


def condition_of(error: Element | None, namespace: str) -> str:
    """The condition that an error holds, such as `not-authorized`."""
    children = () if error is None else error
    for child in children:
        if child.tag.startswith(f"{{{namespace}}}") and name_of(child) != "text":
            return name_of(child)[:60]
    return "undefined-condition"


def words_of(error: Element | None, namespace: str) -> str:
    """The condition, and what the server says about it, for people."""
    text = None if error is None else error.findtext(f"{{{namespace}}}text")
    condition = condition_of(error, namespace)
    return f"{condition} ({quote(text)})" if text else condition


class _Reader:
    def __init__(self) -> None:
        self.builder = TreeBuilder()
        self.parser = expat.ParserCreate(namespace_separator="}")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self.builder.data
        self.parser.StartDoctypeDeclHandler = self._refuse
        self._depth = self._count = 0

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth, self._count = self._depth + 1, self._count + 1
        if self._depth > _DEEPEST or self._count > _MOST_ELEMENTS:
            raise MalformedStanza("too many elements within one")
        self.builder.start(_clark(name), {_clark(key): value for key, value in attributes.items()})

    def _end(self, name: str) -> None:
        self._depth -= 1
        self.builder.end(_clark(name))

    def _refuse(self, *_: object) -> None:
        raise MalformedStanza("a document type, which XMPP forbids")


def _clark(name: str) -> str:
    return f"{{{name}" if "}" in name else name
