"""What only a process of its own can show: signals, pipes, ports, privileges."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from linkwatch.cli.failures import INTERRUPTED, MEASURED_BAD, NOT_ALLOWED
from tests.cli.conftest import LINKWATCH, run

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "thanh-hoa.yml"
WITHOUT_RIGHTS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
needs_setpriv = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="needs root and setpriv (apt-get install util-linux)",
)


def listening(port: int, inventory: Path) -> str:
    inventory.write_text(inventory.read_text() + f'server: {{listen: "127.0.0.1:{port}"}}\n')
    return str(inventory)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize("words", [["check", EXAMPLE], ["--help"], ["doctor"]], ids=str)
def test_a_reader_that_goes_away_ends_a_command_silently(words: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as nobody_reads:
        done = run(*words, stdout=nobody_reads)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_full_disk_is_told() -> None:
    with open("/dev/full", "w") as full:
        done = run("check", EXAMPLE, stdout=full)
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode != 0


@needs_root
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["ping", "--count", "100", "127.0.0.1"], 0),  # what was measured until then is told
        (["probe", "icmp", "--count", "100", "127.0.0.1"], INTERRUPTED),
    ],
    ids=["ping", "probe"],
)
def test_ctrl_c_ends_a_command_without_a_word_too_much(words: list[str], code: int) -> None:
    with subprocess.Popen([LINKWATCH, *words], stdout=-1, stderr=-1, text=True) as process:
        time.sleep(2.0)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=10)
    assert (process.returncode, errors.strip()) == (code, "")
    assert "Traceback" not in output


@needs_root
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_service_ends_well_when_it_is_told_to(inventory: Path, number: signal.Signals) -> None:
    command = [LINKWATCH, "run", listening(free_port(), inventory)]
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout is not None
        assert "watching 1 targets" in process.stdout.readline()
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


@needs_root
def test_a_port_in_use_is_told(inventory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = run("run", listening(server.getsockname()[1], inventory))
    assert done.returncode == NOT_ALLOWED
    assert "address already in use; end the program that listens there" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@needs_setpriv
@pytest.mark.parametrize("command", ["ping", "run"])
def test_without_rights_the_mending_command_is_told(inventory: Path, command: str) -> None:
    words = ["127.0.0.1"] if command == "ping" else [listening(free_port(), inventory)]
    done = run(command, *words, wrap=(*without_ping_sockets(), *WITHOUT_RIGHTS))
    assert done.returncode == NOT_ALLOWED
    assert "sudo setcap cap_net_raw+ep" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@needs_setpriv
def test_a_probe_without_rights_says_so_in_its_sample_and_its_exit_code() -> None:
    done = run("probe", "icmp", "127.0.0.1", wrap=(*without_ping_sockets(), *WITHOUT_RIGHTS))
    assert done.returncode == NOT_ALLOWED
    assert json.loads(done.stdout)["reason"] == "permission"


@needs_setpriv
def test_a_port_that_needs_a_right_is_told_with_the_mending_command(inventory: Path) -> None:
    rights = ("setpriv", "--bounding-set=-all,+net_raw", "--inh-caps=-all")
    done = run("run", listening(81, inventory), wrap=("unshare", "--net", *rights))
    assert done.returncode == NOT_ALLOWED
    assert "cannot listen on 127.0.0.1 port 81: permission denied" in done.stderr
    assert "sysctl -w net.ipv4.ip_unprivileged_port_start=81" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@needs_setpriv
def test_the_doctor_sees_that_it_may_not_ping() -> None:
    done = run("doctor", wrap=(*without_ping_sockets(), *WITHOUT_RIGHTS))
    assert done.returncode == MEASURED_BAD
    assert "no ICMP socket may be opened" in done.stdout
    assert done.stderr == ""


def without_ping_sockets() -> tuple[str, ...]:
    """A network of its own, in which nobody may open datagram sockets for ICMP either."""
    return ("unshare", "--net")  # a new network starts with net.ipv4.ping_group_range = 1 0
