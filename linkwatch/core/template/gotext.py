"""Values as Go prints them: `%v`, `printf`, and Prometheus's humanize functions (template/template.go)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

_SHORTEST_EXPONENT_BELOW = -4
_SHORTEST_EXPONENT_FROM = 6
_LARGEST_INT64 = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def text_of(value: object) -> str:
    """`%v` of a value."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _special(value) or _shortest(value)
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{name}:{value[name]}" for name in sorted(value)) + "]"
    return str(value)


def _special(value: float) -> str | None:
    if math.isfinite(value):
        return None
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def _shortest(value: float) -> str:
    """The fewest digits that give the value back; an exponent where fmt writes one."""
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    point = len(digits) + int(exponent)
    if _SHORTEST_EXPONENT_BELOW <= point - 1 < _SHORTEST_EXPONENT_FROM:
        return format(Decimal(repr(value)).normalize(), "f")
    mantissa = str(digits[0]) + ("." + "".join(map(str, digits[1:])) if len(digits) > 1 else "")
    return f"{'-' if sign else ''}{mantissa}e{point - 1:+03d}"


def _four(value: float) -> str:
    """`%.4g`."""
    return _special(value) or f"{value:.4g}"


_DIRECTIVE = re.compile(r"%([-+# 0]*)(\d*)((?:\.\d*)?)([a-zA-Z%]|$)")
_FLOAT_VERBS, _INT_VERBS, _TEXT_VERBS = "eEfFgG", "dxXoc", "sq"


def printf(pattern: str, *values: object) -> str:
    """fmt.Sprintf; what does not fit is written as Go writes it (`%!d(float64=1)`)."""
    rest = list(values)
    text = _DIRECTIVE.sub(lambda found: _directive(found, rest), pattern)
    if rest:
        text += "%!(EXTRA " + ", ".join(f"{_go_type(value)}={text_of(value)}" for value in rest) + ")"
    return text


def _directive(found: re.Match[str], rest: list[object]) -> str:
    flags, width, precision, verb = found.groups()
    if verb == "%":
        return "%"
    if not verb:
        return "%!(NOVERB)"
    if not rest:
        return f"%!{verb}(MISSING)"
    return _formatted(flags, width, precision, verb, rest.pop(0))


def _formatted(flags: str, width: str, precision: str, verb: str, value: object) -> str:
    spec = f"%{flags}{width}{precision}"
    if verb == "v" or (verb == "s" and isinstance(value, str)):
        return f"%{flags.replace('0', '')}{width}s" % text_of(value)
    if verb == "q" and isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, float) and verb in _FLOAT_VERBS:
        special = _special(value)
        if special:
            signed = "+NaN" if special == "NaN" and "+" in flags else special
            return f"%{flags.replace('0', '')}{width}s" % signed
        return _shortest(value) if verb == "g" and not precision else (spec + verb) % value
    if isinstance(value, int) and not isinstance(value, bool) and verb in _INT_VERBS:
        return (spec + verb) % value
    return f"%!{verb}({_go_type(value)}={text_of(value)})"


def _go_type(value: object) -> str:
    names = {bool: "bool", int: "int", float: "float64", str: "string"}
    return names.get(type(value), "map[string]string")


def to_number(value: object) -> float:
    """A number from a number or its text; raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"can't convert {_go_type(value)} to float")
    return float(value)


def _scaled(value: float, prefixes: Sequence[str], step: float) -> tuple[float, str]:
    prefix = ""
    for name in prefixes:
        if abs(value) < step:
            break
        prefix, value = name, value / step
    return value, prefix


def _scaled_up(value: float) -> tuple[float, str]:
    prefix = ""
    for name in "munpfazy":
        if abs(value) >= 1:
            break
        prefix, value = name, value * 1000
    return value, prefix


def humanize(number: float) -> str:
    """With metric prefixes: 1234567 -> 1.235M, 0.0012 -> 1.2m."""
    if number == 0 or not math.isfinite(number):
        return _four(number)
    scaled, prefix = _scaled(number, "kMGTPEZY", 1000) if abs(number) >= 1 else _scaled_up(number)
    return _four(scaled) + prefix


def humanize1024(number: float) -> str:
    """With binary prefixes: 2048 -> 2ki."""
    if abs(number) <= 1 or not math.isfinite(number):
        return _four(number)
    scaled, prefix = _scaled(number, ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"], 1024)
    return _four(scaled) + prefix


def humanize_duration(number: float) -> str:
    """Seconds as days, hours, minutes, seconds: 3661 -> 1h 1m 1s."""
    if not math.isfinite(number):
        return _four(number)
    if number == 0:
        return f"{_four(number)}s"  # its sign, too
    if abs(number) < 1:
        scaled, prefix = _scaled_up(number)
        return f"{_four(scaled)}{prefix}s"
    sign, whole = ("-" if number < 0 else ""), int(abs(number))
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    return f"{sign}{minutes}m {seconds}s" if minutes else f"{sign}{_four(abs(number))}s"


def humanize_percentage(number: float) -> str:
    """A ratio in per cent: 0.1234 -> 12.34%."""
    return f"{_four(number * 100)}%"


def humanize_timestamp(number: float) -> str:
    """Seconds since the epoch as Go prints a UTC time, cut to the millisecond; raises ValueError."""
    if not math.isfinite(number):
        return _four(number)
    nanoseconds = number * 1e9
    if abs(nanoseconds) > _LARGEST_INT64:
        raise ValueError(f"{text_of(number)} cannot be represented as a nanoseconds timestamp")
    milliseconds = abs(int(nanoseconds)) // 1_000_000
    moment = _EPOCH + timedelta(milliseconds=milliseconds if number >= 0 else -milliseconds)
    fraction = f".{moment.microsecond // 1000:03d}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"


def title(text: str) -> str:
    """strings.Title: the first letter of every word in upper case, the rest as it was."""
    return re.sub(r"(?<![\w'])\w", lambda found: found[0].upper(), text)


HUMANIZE: Mapping[str, Callable[[float], str]] = {
    "humanize": humanize,
    "humanize1024": humanize1024,
    "humanizeDuration": humanize_duration,
    "humanizePercentage": humanize_percentage,
    "humanizeTimestamp": humanize_timestamp,
}
