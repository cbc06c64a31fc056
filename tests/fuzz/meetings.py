"""Parsers of the Jitsi probe: config.js, stanzas, log-in, and what bridges, Jicofo and Prometheus tell."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from gzip import decompress

from yarl import URL

from probes.http.exchange import Answer
from probes.jitsi.configjs import UselessConfig, read_config
from probes.jitsi.inside import bridge, focus, prosody
from probes.jitsi.inside.figures import Figure, figures_of_json, figures_of_series, read_series, values_of
from probes.jitsi.inside.prometheus import read_matrix
from probes.jitsi.inside.server import json_object
from probes.jitsi.relays import read_relays
from probes.jitsi.sasl import Account, SaslError, Scram
from probes.jitsi.stream import StanzaError, read_stanza
from probes.jitsi.tokens import ScriptError
from tests.fuzz.corpus import captures
from tests.fuzz.harness import Case, ended
from tests.probes.jitsi.platform import CONFIG, GUESTS

LONGEST = 200_000
XMPP_WORDS = (
    *(
        b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
        b"&b;",
        b"<![CDATA[",
        b"<?xml version='1.0'?>",
        b"<a>",
        b"</a>",
        b"xmlns=",
    ),
    *(b"<stream:error>", b" type='error'", b" type='terminate'", b"<a a='" + b"x" * 100, b"]]>", b"<!--"),
)
_SCRIPT_WORDS = (
    b"{",
    b"}",
    b"(",
    b"[",
    b"'",
    b'"',
    b"`${",
    b"/*",
    b"//",
    b"/",
    b"+",
    b"=",
    b"if (",
    b"...",
    b"window.",
)
NUMBER_WORDS = (
    b"NaN",
    b"+Inf",
    b"-1",
    b"1e400",
    b"null",
    b"true",
    b"{",
    b'"',
    b"# EOF",
    b"\\",
    b"[[",
    b"jitsi_jvb_",
)
_STANZA = re.compile(rb"<(body|open|stream:features|challenge|success|iq)\b[^>]*?(?:/>|>.*?</\1>)", re.DOTALL)
_FIGURES = (*bridge.FIGURES, *focus.FIGURES, *prosody.FIGURES)


def cases() -> tuple[Case, ...]:
    """All of them."""
    configs = (CONFIG.encode(), (CONFIG + GUESTS).encode())
    series = (*bodies("bridge-series"), *bodies("jicofo-series"), *bodies("prosody-series"))
    statistics = (*bodies("bridge-statistics"), *bodies("jicofo-statistics"))
    return (
        Case("jitsi config.js", configs, read_configuration, LONGEST // 2, _SCRIPT_WORDS),
        Case("jitsi stanza", stanzas(), read_element, LONGEST, XMPP_WORDS),
        Case("jitsi scram", (CHALLENGE, b"v=" + b"A" * 44), log_in, 20_000, (b",", b"r=", b"i=", b"s=")),
        Case("jitsi statistics", statistics, read_statistics, LONGEST, NUMBER_WORDS),
        Case("jitsi series", series, read_text, LONGEST, NUMBER_WORDS),
        Case("jitsi prometheus", bodies("prometheus"), read_prometheus, LONGEST, NUMBER_WORDS),
    )


def bodies(name: str) -> tuple[bytes, ...]:
    """What stood in the HTTP answers."""
    parts = (stream.partition(b"\r\n\r\n") for stream in captures("jitsi", name))
    return tuple(decompress(body) if b"gzip" in head else body for head, _, body in parts)


def stanzas() -> tuple[bytes, ...]:
    """Every element that Prosody and Jicofo have sent, over websocket and over BOSH."""
    streams = (*captures("jitsi", "guest"), *captures("jitsi", "user"))
    return tuple(dict.fromkeys(match[0] for stream in streams for match in _STANZA.finditer(stream)))


def read_configuration(data: bytes) -> str:
    try:
        announced = read_config(data.decode("utf-8", "replace"), URL("https://meet.test/"))
    except ScriptError:
        return "no script"
    except UselessConfig:
        return "useless"
    for url in (announced.bosh, announced.websocket):
        assert url is None or (url.scheme in ("http", "https", "ws", "wss") and url.raw_host and url.port)
    return "announced"


def read_element(data: bytes) -> str:
    def steps() -> str:
        element = read_stanza(data)
        relays = list(read_relays(element))
        assert all(0 < relay.port < 65536 for relay in relays)
        StanzaError("meet.test", element)
        return "relays" if relays else "an element"

    return ended(steps)


NONCE = "a1b2c3"
CHALLENGE = b"r=a1b2c3d4e5f6,s=ZjZiZGdlNzgtNmQyMS00MjAyLWE3,i=1000"


def log_in(data: bytes) -> str:
    scram = Scram("SCRAM-SHA-256", Account("meet.test", "lw", "m4t-khau"), NONCE)
    try:
        answer = scram.answer(data)
        assert answer.isascii() or answer.decode()
        scram.check(data)
    except SaslError as error:
        return str(error)[:30]
    raise AssertionError("nobody here knows the password")


def _check(found: Mapping[str, float], figures: tuple[Figure, ...] = _FIGURES) -> str:
    assert all(math.isfinite(value) and value >= 0 for value in found.values())
    return "figures" if list(values_of(figures, found)) else "nothing"


def read_statistics(data: bytes) -> str:
    answer = Answer(URL("http://127.0.0.1/stats"), 200, body=data)
    return ended(lambda: _check(figures_of_json(_FIGURES, json_object("/stats", answer))))


def read_text(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return ended(lambda: _check(figures_of_series(_FIGURES, read_series("/metrics", text, _FIGURES))))


def read_prometheus(data: bytes) -> str:
    answer = Answer(URL("http://127.0.0.1/api"), 200, body=data)

    def steps() -> str:
        found = list(read_matrix(json_object("/api", answer)))
        assert all(math.isfinite(each.value) and each.instance.isprintable() for each in found)
        return "series" if found else "nothing"

    return ended(steps)
