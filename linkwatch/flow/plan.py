"""A configuration made ready for use, apart from the event loop, and what it changes: all that takes long
and touches nothing."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from linkwatch.config.problems import ConfigErrors
from linkwatch.config.settings import Config
from linkwatch.core.coverage import Coverage
from linkwatch.core.inventory import Inventory, IPAddress
from linkwatch.core.rules import Rule
from linkwatch.flow.addresses import literal_addresses
from linkwatch.notify.channels import Channels, build_channels

Read = Callable[[], tuple[Config, Sequence[Rule]]]
"""Reads the configuration and its rules; raises ConfigErrors."""

SWITCH_S = 0.0005
"""How long a busy thread keeps the interpreter to itself while others want it; usually 5 ms, and the event
loop wants it back after every system call."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A configuration and what follows from it alone."""

    config: Config
    rules: Sequence[Rule]
    coverage: Coverage
    channels: Channels
    literals: Mapping[str, IPAddress]


def prepare(read: Read) -> Plan:
    """Read a configuration and make it ready. Raises ConfigErrors."""
    config, rules = read()
    inventory = config.inventory
    return Plan(
        config,
        rules,
        Coverage(inventory.targets, inventory.anchors),
        build_channels(config.channels, inventory.contacts),
        literal_addresses(inventory),
    )


async def prepare_apart(read: Read) -> Plan:
    """`prepare` in a thread, within `unhurried`. Raises ConfigErrors."""
    try:
        return await asyncio.to_thread(prepare, read)
    except ConfigErrors as errors:
        raise errors.with_traceback(None) from None  # its frames hold the whole document


@contextmanager
def unhurried() -> Iterator[None]:
    """While other threads work hard inside the block, the event loop gets its turns.

    Garbage is not collected meanwhile, and what was made is kept out of later collections: looking
    through a million new objects would hold up everything for 50 ms.
    """
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        sys.setswitchinterval(usual_s)


def changed_targets(before: Inventory, after: Inventory) -> frozenset[str]:
    """Ids of targets that are gone, or whose labels, probes or address are not what they were."""
    return frozenset(
        target.id
        for target in before.targets.values()
        if (now := after.targets.get(target.id)) is None
        or (now.labels(), now.probes, now.address) != (target.labels(), target.probes, target.address)
    )


def restart_needed(before: Config, after: Config) -> list[str]:
    """What has changed and cannot be taken over while LinkWatch runs."""
    fixed = {"server": "server", "store_url": "store", "instance": "instance"}
    return [name for field, name in fixed.items() if getattr(before, field) != getattr(after, field)]
