"""Every row of the table, in its order."""

from __future__ import annotations

from bench import exposition, pinging, roundtrip, whole
from bench.row import Row

ROWS: tuple[Row, ...] = (*pinging.ROWS, *whole.ROWS, *roundtrip.ROWS, *exposition.ROWS)
