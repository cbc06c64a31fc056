"""Which interfaces a device has. A discovery that runs out of time goes on with the next poll."""

from __future__ import annotations

from probes.pattern import is_found
from probes.snmp import mib
from probes.snmp.client import Client
from probes.snmp.interfaces import Interface, clean_text, name_interfaces
from probes.snmp.settings import Settings
from probes.snmp.walk import Walk

INTERFACES_MAX = 10_000

_IDENTITY = (mib.IF_NAME, mib.IF_DESCR, mib.IF_ALIAS, mib.IF_TYPE)
_INDEX_COLUMNS = (mib.IF_INDEX, mib.IF_DESCR, mib.IF_NAME)


class Discovery:
    """One walk through a device's interfaces; `run` may be cancelled and called again."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._columns = list(_INDEX_COLUMNS)
        self._walk: Walk | None = None
        self._indexes: list[int] = []
        self._rows: dict[int, dict[str, str]] = {}

    async def run(self) -> tuple[Interface, ...]:
        """All interfaces that the settings want, once every one of them is known."""
        while self._columns and not self._indexes:
            await self._walk_indexes(self._columns[0])
            self._columns.pop(0)
        while missing := [index for index in self._indexes if index not in self._rows]:
            await self._identify(missing)
        return tuple(filter(self._is_wanted, name_interfaces(self._rows)))

    @property
    def found(self) -> int:
        """How many interfaces the device has."""
        return len(self._indexes)

    async def _walk_indexes(self, column: str) -> None:
        if self._walk is None:
            expected = (await self._client.get([mib.IF_NUMBER])).get(mib.IF_NUMBER)
            self._walk = Walk(
                self._client, column, INTERFACES_MAX, expected if isinstance(expected, int) else 0
            )
        rows = await self._walk.run()
        self._indexes, self._walk = [int(index.split(".")[1]) for index in rows], None

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
