"""Every row of the table, in its order."""

from __future__ import annotations

from bench import (
    checks,
    exposition,
    falsedowns,
    fuzz,
    kills,
    paging,
    pinging,
    promql,
    quality,
    recordings,
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
    *quality.ROWS,
    *exposition.ROWS,
    *snmp.ROWS,
    *checks.ROWS,
    *recordings.ROWS,
    *paging.ROWS,
    *falsedowns.ROWS,
    *storm.ROWS,
    *kills.ROWS,
    *promql.ROWS,
    *fuzz.ROWS,
    *single.ROWS,
)
