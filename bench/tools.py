"""The programs that the bench runs or compares with: where they are, which version, how to get them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass

SEARCHED = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class Tool:
    """A program, its Debian package, and the words that make it say its version."""

    name: str
    package: str
    asked: tuple[str, ...] = ("--version",)

    @property
    def path(self) -> str | None:
        """Where it is."""
        return shutil.which(self.name, path=SEARCHED)

    @property
    def found(self) -> bool:
        """Whether it is installed."""
        return self.path is not None

    def version(self) -> str:
        """What it calls itself, or `missing`."""
        if self.path is None:
            return "missing"
        done = subprocess.run([self.path, *self.asked], capture_output=True, text=True, check=False)
        number = re.search(r"\d+(?:\.\d+)+", done.stdout + done.stderr)
        return number[0] if number else "unknown"


@dataclass(frozen=True, slots=True)
class Root(Tool):
    """Not a program, but the right to make namespaces and raw sockets."""

    @property
    def found(self) -> bool:
        """Whether the bench runs as root."""
        return os.geteuid() == 0


ROOT = Root("root (sudo make bench)", "")
IP = Tool("ip", "iproute2", ("-V",))
NFT = Tool("nft", "nftables", ("-v",))
TCPDUMP = Tool("tcpdump", "tcpdump")
NAMESPACE = (ROOT, IP, NFT)

FPING = Tool("fping", "fping", ("-v",))
PROMETHEUS = Tool("prometheus", "prometheus")
PROMTOOL = Tool("promtool", "prometheus")
ALERTMANAGER = Tool("prometheus-alertmanager", "prometheus-alertmanager")
BLACKBOX = Tool("prometheus-blackbox-exporter", "prometheus-blackbox-exporter")
SNMP_EXPORTER = Tool("prometheus-snmp-exporter", "prometheus-snmp-exporter")
SNMPD = Tool("snmpd", "snmpd", ("-v",))
SNMPBULKWALK = Tool("snmpbulkwalk", "snmp", ("-V",))
NGINX = Tool("nginx", "nginx-light", ("-v",))
DNSMASQ = Tool("dnsmasq", "dnsmasq-base")
OPENSSL = Tool("openssl", "openssl", ("version",))
PEERS = (
    FPING,
    PROMETHEUS,
    PROMTOOL,
    ALERTMANAGER,
    BLACKBOX,
    SNMP_EXPORTER,
    SNMPD,
    SNMPBULKWALK,
    NFT,
    IP,
    TCPDUMP,
    NGINX,
    DNSMASQ,
)
