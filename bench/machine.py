"""What was measured on: without it the figures mean nothing."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import numpy

from bench.tools import PEERS


def describe_machine() -> dict[str, str]:
    """The machine and the versions of what is ours."""
    return {
        "processor": f"{os.cpu_count()} x {_processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.1f} GB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "linkwatch": _commit(),
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def peer_versions() -> dict[str, str]:
    """Every program that the rows run or compare with, and its version."""
    return {tool.name: tool.version() for tool in PEERS}


def install_command() -> str:
    """The command that brings what is missing; empty if nothing is."""
    packages = sorted({tool.package for tool in PEERS if not tool.found})
    return f"apt-get install {' '.join(packages)}" if packages else ""


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    return done.stdout.strip() or "not a checkout"
