"""What a scalar of the inventory can mean: durations, bandwidths, ratios, prefixes, ids.

Every reader takes the text as written and raises ValueError with what is wrong and what is allowed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from ipaddress import ip_network

from linkwatch.config.problems import suggest
from linkwatch.config.secrets import quote
from linkwatch.core.inventory import IPNetwork

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+", re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_BITS = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_BANDWIDTH = re.compile(r"(\d+(?:\.\d+)?)([kMGT])", re.ASCII)
SHORTEST_PAUSE_S = 30.0
LONGEST_S = 36_500 * 86_400.0
_ID = re.compile(r"[a-z0-9][a-z0-9._-]*")
LONGEST_ID = 100
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_TRUE, _FALSE = frozenset({"true", "yes", "on"}), frozenset({"false", "no", "off"})


def duration(text: str) -> float:
    """Seconds in `500ms`, `5m`, `1h30m`; `0` needs no unit."""
    if text == "0":
        return 0.0
    if _NUMBER.fullmatch(text):
        raise ValueError(f"{quote(text)} has no unit (allowed: a duration such as 500ms, 30s, 5m, 1h30m)")
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{quote(text)} is not a duration (allowed: such as 500ms, 30s, 5m, 1h30m)")
    seconds = math.fsum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(text))
    if seconds > LONGEST_S:
        raise ValueError(f"{quote(text)} is too long (allowed: at most {spell_duration(LONGEST_S)})")
    return seconds


def positive(text: str) -> float:
    """Seconds, more than none."""
    seconds = duration(text)
    if seconds == 0:
        raise ValueError(f"{quote(text)} is no length of time (allowed: more than 0)")
    return seconds


def pause(text: str) -> float:
    """Seconds between repeats of a page."""
    seconds = duration(text)
    if seconds < SHORTEST_PAUSE_S:
        raise ValueError(f"{quote(text)} would flood people (allowed: {SHORTEST_PAUSE_S:.0f}s or more)")
    return seconds


def spell_duration(seconds: float) -> str:
    """Seconds as they are written in the file: `100ms`, `1m30s`, `1d`."""
    rest_ms, parts = round(seconds * 1000), ""
    for unit, size_s in sorted(_SECONDS.items(), key=lambda one: -one[1]):
        count, rest_ms = divmod(rest_ms, round(size_s * 1000))
        parts += f"{count}{unit}" if count else ""
    return parts or "0s"


def bandwidth(text: str) -> float:
    """Bits per second in `512k`, `100M`, `2.5G`."""
    match = _BANDWIDTH.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{quote(text)} is not a bandwidth in bits per second (allowed: such as 512k, 100M, 10G)"
        )
    found = float(match[1]) * _BITS[match[2]]
    if not 0 < found < math.inf:
        raise ValueError(f"{quote(text)} is no bandwidth (allowed: more than 0)")
    return found


def number(text: str) -> float:
    """A decimal number."""
    if not _NUMBER.fullmatch(text) or math.isinf(float(text)):
        raise ValueError(f"{quote(text)} is not a number")
    return float(text)


def integer(text: str) -> int:
    """A whole number; one with a leading zero is refused, since some read it as octal."""
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"{quote(text)} is not a whole number (written in decimal, without leading zeros)")
    return int(text)


def ratio(text: str) -> float:
    """A ratio from 0 to 1."""
    try:
        value = number(text)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{quote(text)} is not a ratio from 0 to 1 (1 % is written 0.01)")
    return value


def loss(text: str) -> float:
    """A loss ratio to stay under: from 0, below 1."""
    value = ratio(text)
    if value == 1.0:
        raise ValueError(f"{quote(text)} would allow any loss (1 % is written 0.01)")
    return value


def flag(text: str) -> bool:
    """True or false, in YAML 1.1's words too."""
    word = text.lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(f"{quote(text)} is neither true nor false")
    return word in _TRUE


def identifier(text: str) -> str:
    """An id: ASCII, since it becomes a label."""
    if not _ID.fullmatch(text):
        raise ValueError(
            f"{quote(text)} is not an id (allowed: a-z 0-9 . _ -, beginning with a letter or digit)"
        )
    if len(text) > LONGEST_ID:
        raise ValueError(f"{quote(text)} has {len(text)} characters (allowed: at most {LONGEST_ID})")
    return text


def network(text: str) -> IPNetwork:
    """A prefix, or one address."""
    try:
        return ip_network(text, strict=True)
    except ValueError:
        pass
    try:
        aligned = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f"{quote(text)} is not a prefix (allowed: such as 10.38.0.0/16 or 2001:db8::/32)"
        ) from None
    raise ValueError(f"{quote(text)} has bits behind its prefix; write {aligned}")


def line(text: str) -> str:
    """A text of one line that is not empty."""
    if not text.strip() or any(ord(char) < 32 for char in text):
        raise ValueError("must be a text of one line that is not empty")
    return text.strip()


def one_of(*allowed: str) -> Callable[[str], str]:
    """A reader of one word out of `allowed`."""

    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"{quote(text)} is not known{suggest(text, allowed)}")
        return text

    return read
