"""One column of a table, row by row. A walk may be cancelled at any time; run again, it goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gufo.snmp import ValueType

from probes.failure import ProbeError
from probes.sample import Reason
from probes.snmp.client import REPETITIONS, Client, Row


class Walk:
    """The rows of `column` by their index (`.1`, `.10.0.0.1`).

    An answer may be too big for the agent or for the path, which looks like an empty one or like silence:
    the walk then begins anew with fewer rows per request, down to GETNEXT. Rows that come out of order are
    taken; a row that comes twice ends the walk, for an agent that goes back would go round for ever.
    `expected`: how many rows there should be, if that is known.
    """

    def __init__(self, client: Client, column: str, rows_max: int, expected: int = 0) -> None:
        self.rows: dict[str, ValueType] = {}
        self._client = client
        self._column = column
        self._rows_max = rows_max
        self._expected = expected
        self._rungs = [count for count in REPETITIONS if count <= client.repetitions]
        self._rows: AsyncIterator[Row] | None = None
        self._seen: dict[str, ValueType] = {}

    async def run(self) -> dict[str, ValueType]:
        """All rows, once the end of the column is reached. Raises ProbeError when the agent is silent."""
        while self._rungs:
            is_silent = await self._take_rows()
            self._keep()
            if not is_silent and self._is_enough():
                break
            self._rungs.pop(0)
        return self.rows

    async def _take_rows(self) -> bool:
        """Rows until the end, or until the agent is silent: True."""
        try:
            await self._read_on()
        except ProbeError as failure:
            if failure.reason is not Reason.TIMEOUT:
                self._rows = None  # it may hang on a session that the agent has forgotten
            if failure.reason is not Reason.TIMEOUT or len(self._rungs) == 1:
                raise
            return True
        return False

    async def _read_on(self) -> None:
        if self._rows is None:
            self._rows, self._seen = await self._client.open_walk(self._column, self._rungs[0]), {}
        while len(self._seen) < self._rows_max:
            row = await self._client.next_row(self._rows)
            if row is None or row[0][len(self._column) :] in self._seen:
                return
            self._seen[row[0][len(self._column) :]] = row[1]

    def _keep(self) -> None:
        self._rows = None
        if len(self._seen) > len(self.rows):
            self.rows = self._seen
            self._client.note_walk(self._rungs[0])

    def _is_enough(self) -> bool:
        if len(self.rows) >= self._rows_max:
            return True
        is_empty_for_good = self._client.walks_work and not self.rows
        return len(self.rows) >= self._expected and (bool(self.rows) or is_empty_for_good)
