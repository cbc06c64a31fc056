"""CPU time and memory of other processes, read from /proc, and processes that end with their block."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PYTHON = sys.executable
START_S = 60.0


def cpu_s(pid: int) -> float:
    """User and system time of a process so far, all its threads together (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def memory_mb(pid: int, name: str = "VmRSS") -> float:
    """A line of /proc/PID/status in megabytes: VmRSS is what is resident now, VmHWM the most so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise KeyError(name)


def forget_peak(pid: int) -> None:
    """Let VmHWM start anew from what is resident now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


class Spell:
    """What some processes use from now on, as one."""

    def __init__(self, *pids: int) -> None:
        self._pids = pids
        self._began = time.monotonic(), self._cpu_s()

    @property
    def lasted_s(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began[0]

    @property
    def used_s(self) -> float:
        """CPU seconds since the beginning."""
        return self._cpu_s() - self._began[1]

    @property
    def cores_percent(self) -> float:
        """CPU as a percentage of one core."""
        return 100.0 * self.used_s / self.lasted_s

    def _cpu_s(self) -> float:
        return sum(cpu_s(pid) for pid in self._pids)


@contextmanager
def running(command: Sequence[str], log: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """A process that is ended with the block; what it writes goes to `log`, or nowhere."""
    with open(log or os.devnull, "w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    """SIGTERM, and SIGKILL if that is not heard."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Subject:
    """A program of bench/subjects: says `ready`, runs until told to end, then prints what it knows."""

    def __init__(self, name: str, *arguments: object, inside: Sequence[str] = ()) -> None:
        """`inside`: the words that run a command in a namespace."""
        command = [*inside, PYTHON, "-m", f"bench.subjects.{name}", *map(str, arguments)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._process.stdout is not None
        self.said = self._process.stdout.readline().strip()
        if not self.said.startswith("ready"):
            self._process.kill()
            self._process.wait()
            raise RuntimeError(f"{' '.join(command)} did not start")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def finish(self) -> str:
        """Tell it to end; what it printed since it was ready."""
        output, _ = self._process.communicate("end\n", timeout=120)
        if self._process.returncode:
            raise RuntimeError(f"a measured program failed with {self._process.returncode}")
        return output

    def __enter__(self) -> Subject:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
