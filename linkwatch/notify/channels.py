"""Every channel by name, and what each contact is reached at. The only place that joins the two."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from linkwatch.core.inventory import Contact
from linkwatch.notify.apprise import AppriseChannel
from linkwatch.notify.channel import Channel, Failed, Message, Outcome, Unknown

DEFAULT_DEADLINE_S = 10.0


class ChannelOptions(Protocol):
    """What the configuration says of a channel: a URL with `{to}` or nothing, and a hard deadline."""

    @property
    def url(self) -> str: ...  # noqa: D102
    @property
    def deadline_s(self) -> float: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Way:
    """A channel and how long one of its sends may take."""

    channel: Channel
    deadline_s: float


class Channels:
    """Sends to contacts by name; addresses stay inside."""

    def __init__(self, ways: Mapping[str, Way], contacts: Mapping[str, Contact]) -> None:
        self._ways = ways
        self._contacts = contacts

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all channels."""
        return tuple(self._ways)

    def deadline_s(self, channel: str) -> float:
        """How long one send over this channel may take."""
        way = self._ways.get(channel)
        return way.deadline_s if way else DEFAULT_DEADLINE_S

    def language(self, contact: str) -> str:
        """The language of a contact: `vi` or `en`."""
        known = self._contacts.get(contact)
        return known.language if known else "vi"

    async def send(self, contact: str, channel: str, message: Message) -> Outcome:
        """Send under the channel's hard deadline; when it is over the outcome is unknown."""
        known, way = self._contacts.get(contact), self._ways.get(channel)
        address = known.channels.get(channel) if known else None
        if way is None or not address:
            return Failed(permanent=True, detail=f"{contact} has no channel {channel}")
        try:
            async with asyncio.timeout(way.deadline_s):
                return await way.channel.send(replace(message, to=address))
        except TimeoutError:
            return Unknown(f"no answer within {way.deadline_s:g} s")


def build_channels(options: Mapping[str, ChannelOptions], contacts: Mapping[str, Contact]) -> Channels:
    """The channels that the configuration names or its contacts use."""
    used = (name for contact in contacts.values() for name in contact.channels)
    return Channels({name: _way(name, options.get(name)) for name in (*options, *used)}, contacts)


def _way(name: str, options: ChannelOptions | None) -> Way:
    url, deadline_s = (options.url, options.deadline_s) if options else ("", DEFAULT_DEADLINE_S)
    return Way(AppriseChannel(name, url, deadline_s), deadline_s)
