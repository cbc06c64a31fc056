"""Secrets never leave a run: wherever a text of the sample holds one, stars stand instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import reduce
from typing import Any
from urllib.parse import unquote, unquote_plus

from probes.sample import Sample

_SHORTEST = 4
"""Shorter texts are no secrets, and would be found everywhere."""


def secrets_of(settings: Any) -> Iterator[str]:
    """Every text of these settings that must not be shown."""
    for entry in fields(settings):
        value = getattr(settings, entry.name)
        if entry.metadata.get("secret"):
            yield from value.values() if isinstance(value, Mapping) else (value,)
        elif isinstance(value, tuple):
            for nested in value:
                yield from secrets_of(nested) if is_dataclass(nested) else ()


def mask(sample: Sample, secrets: Iterable[str]) -> Sample:
    """The sample without any of these in its texts, written plainly or as URLs and forms write them."""
    clean = masker(secrets)
    facts = {name: clean(text) for name, text in sample.facts.items()}
    return replace(sample, detail=clean(sample.detail), facts=facts)


def masker(secrets: Iterable[str]) -> Callable[[str], str]:
    """What takes these out of a text."""
    longest_first = sorted({each for each in secrets if len(each) >= _SHORTEST}, key=len, reverse=True)

    def clean(text: str) -> str:
        for read in (str, unquote, unquote_plus) if longest_first else ():
            if any(secret in read(text) for secret in longest_first):
                text = reduce(_hide, longest_first, read(text))
        return text

    return clean


def _hide(text: str, secret: str) -> str:
    return text.replace(secret, "***")
