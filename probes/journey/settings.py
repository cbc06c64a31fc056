"""What can be set for a journey: its steps, and how to get there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from probes.http.access import AccessSettings
from probes.http.page import PageSettings, require_url
from probes.journey.filling import begins_with_value, names_host, names_in
from probes.journey.source import check_source
from probes.requirements import require

_STEP_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_VALUE_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_MOST_STEPS = 50


@dataclass(frozen=True, kw_only=True)
class Step(PageSettings):
    """One page of a journey. `{{name}}` in url, headers, form or body stands for a value of a step before."""

    name: str = field(metadata={"help": "what the step is called in metrics and alerts"})
    carry: Mapping[str, str] = field(
        default_factory=dict,
        metadata={"help": "name -> where its value stands: json:…, regex:…, header:… or cookie:…"},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(bool(_STEP_NAME.fullmatch(self.name)), "name", "of a-z 0-9 . _ -")
        require(not names_host(self.url), "url", "without {{…}} in its host")
        if not begins_with_value(self.url):
            require_url(self.url)
        for name, source in self.carry.items():
            require(bool(_VALUE_NAME.fullmatch(name)), "carry", f"named by a-z 0-9 _, not {name!r}")
            check_source(f"carry.{name}", source)

    def needed(self) -> Iterator[str]:
        """The names of the values that this step needs."""
        for text in (self.url, self.body, *self.headers.values(), *self.form.values()):
            yield from names_in(text)


@dataclass(frozen=True)
class Settings(AccessSettings):
    """The steps, in order; the first one that fails ends the journey."""

    steps: tuple[Step, ...] = field(
        default=(Step(name="page"),),
        metadata={"help": "on the command line each step as JSON; left out: the page at the address"},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(1 <= len(self.steps) <= _MOST_STEPS, "steps", f"1 to {_MOST_STEPS} steps")
        seen: set[str] = set()
        carried: set[str] = set()
        for step in self.steps:
            require(step.name not in seen, "steps", f"of different names, not two {step.name}")
            for name in step.needed():
                require(name in carried, "steps", f"such that {{{{{name}}}}} is carried before {step.name}")
            seen.add(step.name)
            carried |= step.carry.keys()
