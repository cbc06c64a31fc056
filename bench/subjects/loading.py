"""Loads a large inventory, once without and once full of mistakes; prints CPU seconds."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path

from bench.subjects import run_until_told
from linkwatch.config.load import ConfigErrors, load

TARGET = """  - id: link-{n}
    kind: router
    class: fibre
    site: site-{site}
    owner: vnpt
    address: {address}
    emergency: true
    via: [core]
    circuit: {{id: 38TH{n}, bandwidth: 100M}}
    probes:
      - {{type: icmp, interval: 1s}}
      - {{type: snmp, interval: 30s, community: "${{COMMUNITY:-doi-chuoi-nay}}"}}
"""
SITES = 500


def inventory(targets: int) -> str:
    sites = "".join(f"  site-{n}: {{name: Điểm {n}, area: Thanh Hóa}}\n" for n in range(SITES))
    rows = (
        TARGET.format(n=n, site=n % SITES, address=f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
        for n in range(targets)
    )
    core = "  - {id: core, kind: router, address: 10.255.0.1}\n"
    return (
        f"scope: [10.0.0.0/8]\norganizations: {{vnpt: {{}}}}\nsites:\n{sites}targets:\n{core}{''.join(rows)}"
    )


def measure(targets: int) -> dict[str, float]:
    """What is read -> CPU seconds."""
    text = inventory(targets)
    broken = text.replace("class:", "clas:").replace("site: site", "site: sit")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "inventory.yml"
        return {"a good file": cpu_s(file, text), "a file full of mistakes": cpu_s(file, broken)}


def cpu_s(file: Path, text: str) -> float:
    file.write_text(text, encoding="utf-8")
    start_s = time.process_time()
    with contextlib.suppress(ConfigErrors):
        load(file, {})
    return time.process_time() - start_s


if __name__ == "__main__":
    run_until_told()
    print(json.dumps(measure(int(sys.argv[1]))))
