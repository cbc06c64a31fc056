"""Regular expressions over what strangers send: RE2, whose time grows with the text and never explodes.

A pattern such as `(a+)+$` keeps Python's own engine busy for longer than the world stands, on one page that
is made for it; Prometheus chose RE2 for the same reason, so both understand the same syntax.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2


@lru_cache(maxsize=4096)
def _compile(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options=options)


def check_pattern(pattern: str) -> None:
    """Raises ValueError unless `pattern` is a regular expression in RE2's syntax: no look-around, no
    back-references."""
    try:
        _compile(pattern)
    except re2.error as error:
        why = error.args[0]
        raise ValueError(why.decode(errors="replace") if isinstance(why, bytes) else str(why)) from None


def is_found(pattern: str, text: str) -> bool:
    """Whether `pattern` matches anywhere in `text`."""
    return _compile(pattern).search(text) is not None


def find_group(pattern: str, text: str) -> str | None:
    """What the first group of `pattern` matches where it is first found, or all of it if it has no group."""
    match = _compile(pattern).search(text)
    return None if match is None else match[min(1, len(match.groups()))]


def cut_out(pattern: str, text: str) -> str:
    """`text` without what `pattern` matches in it."""
    return str(_compile(pattern).sub("", text))
