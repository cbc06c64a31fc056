"""ENTITY-MIB (RFC 6933): what the parts of a device are called, and which port a part belongs to."""

from __future__ import annotations

from collections.abc import Sequence

from probes.snmp.client import Client
from probes.snmp.interfaces import clean_text
from probes.snmp.walk import Walk

_PHYSICAL = "1.3.6.1.2.1.47.1.1.1.1"
_DESCR, _CONTAINED_IN, _NAME = f"{_PHYSICAL}.2", f"{_PHYSICAL}.4", f"{_PHYSICAL}.7"
_ALIAS = "1.3.6.1.2.1.47.1.3.2.1.2"
"""entAliasMappingIdentifier, by part and logical entity: the ifIndex of a port, as the OID of its row."""
_IF_INDEX = "1.3.6.1.2.1.2.2.1.1."
_PORTS_MAX = 10_000
_DEPTH_MAX = 5
"""A sensor lies in a module, the module in a port or in its cage."""


class Entities:
    """What is asked of the ENTITY-MIB while a device is discovered."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._walk: Walk | None = None
        self._ports: dict[str, str] | None = None

    async def names(self, indexes: Sequence[str]) -> dict[str, str]:
        """The names of parts, else their descriptions, else their numbers."""
        columns = (_NAME, _DESCR)
        answer = await self._client.get_all([column + index for index in indexes for column in columns])
        texts = {index: [answer.get(column + index) for column in columns] for index in indexes}
        return {
            index: next((text for raw in of if raw and (text := clean_text(raw))), index.lstrip("."))
            for index, of in texts.items()
        }

    async def port(self, index: str) -> str:
        """The ifIndex of the port in which a part lies, or empty."""
        ports = await self._read_ports()
        for _ in range(_DEPTH_MAX):
            if index in ports:
                return ports[index]
            holder = (await self._client.get([_CONTAINED_IN + index])).get(_CONTAINED_IN + index)
            if not isinstance(holder, int) or holder <= 0:
                break
            index = f".{holder}"
        return ""

    async def _read_ports(self) -> dict[str, str]:
        if self._ports is None:
            self._walk = self._walk or Walk(self._client, _ALIAS, _PORTS_MAX)
            rows = await self._walk.run()
            self._ports = {
                index.rpartition(".")[0]: str(row).removeprefix(_IF_INDEX)
                for index, row in rows.items()
                if str(row).startswith(_IF_INDEX)
            }
        return self._ports
