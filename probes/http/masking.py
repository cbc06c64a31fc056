"""Secrets never leave a run: wherever a text of the sample holds one, stars stand instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any
from urllib.parse import quote

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
    """The sample without any of these in its texts, written plainly or as in a URL."""
    hidden = {form for secret in secrets if len(secret) >= _SHORTEST for form in (secret, quote(secret, ""))}
    longest_first = sorted(hidden, key=len, reverse=True)

    def clean(text: str) -> str:
        for secret in longest_first:
            text = text.replace(secret, "***")
        return text

    facts = {name: clean(text) for name, text in sample.facts.items()}
    return replace(sample, detail=clean(sample.detail), facts=facts)
