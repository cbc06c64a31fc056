"""Keeps addresses out of what people and logs see: tokens, telephone numbers, mail addresses."""

from __future__ import annotations

import re

MASK = "***"

_PIECE = re.compile(r"[^/:@?&=#\s]{5,}")
_PRIVATE = re.compile(
    r"""
      \b[\w.+-]+://\S+                  # a URL: user, password, token in the path
    | [\w.+-]+@[\w-]+(?:\.[\w-]+)+      # a mail address
    | \+?\d[\d .()-]{6,}\d              # a telephone number
    | \b[\w-]*\d[\w-]{15,}              # a long word with a digit in it: a token
    """,
    re.VERBOSE,
)


def mask(text: str, secret: str = "") -> str:
    """`text` on one line, without anything that could be an address or a piece of `secret` (one)."""
    for piece in sorted(_pieces(secret), key=len, reverse=True):
        text = text.replace(piece, MASK)
    return "".join(letter if letter.isprintable() else " " for letter in _PRIVATE.sub(MASK, text))


def hint(address: str) -> str:
    """Enough of an address to tell which one is meant: its scheme, or the end of a telephone number."""
    scheme, separator, _ = address.partition("://")
    return f"{scheme}://{MASK}" if separator else f"{MASK}{address[-3:]}"


def _pieces(secret: str) -> set[str]:
    """The parts of an address that say something by themselves; the scheme does not."""
    _, separator, rest = secret.partition("://")
    return set(_PIECE.findall(rest if separator else secret))
