"""How long a large inventory takes to load: `python bench/inventory.py [TARGETS]`."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

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


def main(targets: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "inventory.yml"
        file.write_text(inventory(targets), encoding="utf-8")
        started = time.process_time()
        config = load(file, {})
        print(f"{len(config.inventory.targets)} targets in {time.process_time() - started:.2f} s of CPU")
        file.write_text(inventory(targets).replace("class:", "clas:").replace("site: site", "site: sit"))
        started = time.process_time()
        try:
            load(file, {})
        except ConfigErrors as errors:
            print(f"{len(errors.problems)} mistakes in {time.process_time() - started:.2f} s of CPU")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
