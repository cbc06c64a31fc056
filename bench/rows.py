"""Every row of the table, in its order."""

from __future__ import annotations

from bench import (
    exposition,
    falsedowns,
    kills,
    paging,
    pinging,
    promql,
    reloading,
    roundtrip,
    single,
    snmp,
    storm,
    whole,
)
from bench.row import Row

ROWS: tuple[Row, ...] = (
    *pinging.ROWS,
    *whole.ROWS,
    *reloading.ROWS,
    *roundtrip.ROWS,
    *exposition.ROWS,
    *snmp.ROWS,
    *paging.ROWS,
    *falsedowns.ROWS,
    *storm.ROWS,
    *kills.ROWS,
    *promql.ROWS,
    *single.ROWS,
)
