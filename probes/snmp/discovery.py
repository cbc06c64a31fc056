"""Which interfaces a device has. A discovery that runs out of time goes on with the next poll."""

from __future__ import annotations

from collections.abc import AsyncIterator

from probes.pattern import is_found
from probes.snmp import mib
from probes.snmp.client import Client, Row
from probes.snmp.interfaces import Interface, clean_text, name_interfaces
from probes.snmp.settings import Settings

INTERFACES_MAX = 10_000

_IDENTITY = (mib.IF_NAME, mib.IF_DESCR, mib.IF_ALIAS, mib.IF_TYPE)
_INDEX_COLUMNS = (mib.IF_INDEX, mib.IF_DESCR, mib.IF_NAME)


class Discovery:
    """One walk through a device's interfaces; `run` may be cancelled and called again."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._columns = [(column, bulk) for column in _INDEX_COLUMNS for bulk in (True, False)]
        self._walk: AsyncIterator[Row] | None = None
        self._places: list[tuple[int, ...]] = []
        self._indexes: list[int] = []
        self._rows: dict[int, dict[str, str]] = {}

    async def run(self) -> tuple[Interface, ...]:
        """All interfaces that the settings want, once every one of them is known."""
        while self._columns and not self._indexes:
            await self._walk_indexes(*self._columns[0])
            self._columns.pop(0)
        while missing := [index for index in self._indexes if index not in self._rows]:
            await self._identify(missing)
        return tuple(filter(self._is_wanted, name_interfaces(self._rows)))

    @property
    def found(self) -> int:
        """How many interfaces the device has."""
        return len(self._indexes)

    async def _walk_indexes(self, column: str, bulk: bool) -> None:
        """Bulk walks come first; an agent that answers none of them may still answer GETNEXT."""
        if self._walk is None:
            self._walk = await self._client.open_walk(column, bulk)
            self._places = []
        while (row := await self._client.next_row(self._walk)) is not None:
            place = tuple(map(int, row[0][len(column) + 1 :].split(".")))
            if self._places and place <= self._places[-1]:
                break  # an agent that goes back in its table would do so for ever
            self._places.append(place)
            if len(self._places) >= INTERFACES_MAX:
                break  # no table is that long: an agent that makes rows up would never end
        self._indexes, self._walk = [place[0] for place in self._places], None

    async def _identify(self, missing: list[int]) -> None:
        batch = missing[: max(1, self._client.max_oids // len(_IDENTITY))]
        oids = [f"{column}.{index}" for index in batch for column in _IDENTITY]
        answer = await self._client.get(oids)
        for index in batch:
            texts = {column: answer.get(f"{column}.{index}") for column in _IDENTITY}
            self._rows[index] = {column: clean_text(raw) for column, raw in texts.items() if raw is not None}

    def _is_wanted(self, interface: Interface) -> bool:
        wanted = self._settings
        if wanted.types and self._rows[interface.index].get(mib.IF_TYPE) not in wanted.types:
            return False
        if wanted.exclude and is_found(wanted.exclude, interface.name):
            return False
        return is_found(wanted.interfaces, interface.name)
