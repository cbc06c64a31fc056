"""Regular expressions of matchers, as Prometheus means them: RE2 syntax, anchored at both ends."""

from __future__ import annotations

import re
from functools import lru_cache

from linkwatch.core.promql.syntax import PromqlError

_FOREIGN = re.compile(
    r"\\[\\\[(*+?]"  # escaped: nothing special about what follows
    r"|(?P<posix>\[\[:)"
    r"|(?P<look>\(\?(?:[=!>#(]|<[=!]))"
    r"|(?P<back>\\[1-9]|\(\?P=)"
    r"|(?P<possessive>[*+?}][+])"
    r"|(?P<repeated>[*+}][*]|[?][*])"
)
_NAMES = {
    "posix": "POSIX classes such as [[:alpha:]] (write [a-zA-Z])",
    "look": "look-around, atomic groups and conditions",
    "back": "back-references",
    "possessive": "a repetition of a repetition",
    "repeated": "a repetition of a repetition",
}


@lru_cache(maxsize=1024)
def compile_regex(text: str) -> re.Pattern[str]:
    """Compile `text`; raises PromqlError for what RE2 (and so Prometheus) refuses.

    Classes such as `\\d` are ASCII as in RE2, unless `(?i)` asks for case folding beyond ASCII.
    """
    for found in _FOREIGN.finditer(text):
        if found.lastgroup:
            raise PromqlError(f'regular expression "{text}": {_NAMES[found.lastgroup]} are not supported')
    try:
        return re.compile(text, 0 if "(?i" in text else re.ASCII)
    except re.error as error:
        raise PromqlError(f'regular expression "{text}": {error}') from None
