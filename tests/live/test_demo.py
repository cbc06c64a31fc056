"""What a newcomer sees: `linkwatch demo`, from the first fault to the all-clear, by its output alone."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.network import Namespace

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root (raw sockets, namespaces)"),
]
LINKWATCH = str(Path(sys.executable).parent / "linkwatch")
LONGEST_S = 100
STORY = (
    r"the link of Quan Sơn is cut",
    r"chat → it-duty +\[NGHIÊM TRỌNG · KHẨN CẤP\] Kênh truyền Quan Sơn",
    r"sms → vnpt-duty +NGHIEM TRONG KHAN CAP: Kenh truyen Quan Son",
    r"ack +Trực VNPT Thanh Hóa đã nhận xử lý #1",
    r"healed +đứt kênh truyền Quan Sơn",
    r"sms → vnpt-duty +DA KHOI PHUC: Kenh truyen Quan Son",
)


def test_a_newcomer_sees_a_fault_its_page_the_ack_and_the_all_clear() -> None:
    lines = demo(STORY)
    assert "simulated in a network namespace of its own" in lines[0]
    assert missing(STORY, lines) == []


def test_where_there_is_no_namespace_the_story_plays_on_loopback(namespace: Namespace) -> None:
    until_ack = STORY[:4]
    lines = demo(until_ack, namespace.command("env", "PATH=/nowhere"))
    assert "the command ip is missing" in lines[0]
    assert "simulated in loopback addresses" in lines[1]
    assert missing(until_ack, lines) == []


def test_where_nothing_is_allowed_it_says_what_would_mend_it(namespace: Namespace) -> None:
    no_rights = namespace.command("setpriv", "--bounding-set=-all", "--inh-caps=-all")
    done = subprocess.run(
        [*no_rights, LINKWATCH, "demo"], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 3
    assert "no wire that can be cut: unshare: Operation not permitted" in done.stderr
    assert "sudo setcap cap_net_raw+ep" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_ends_when_nobody_reads_any_more() -> None:
    with subprocess.Popen([LINKWATCH, "demo", *port()], stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=30) == 1
        assert process.stderr.read() == ""


def test_it_ends_by_itself_and_leaves_nothing_behind() -> None:
    done = subprocess.run(
        [LINKWATCH, "demo", *port(), "--seconds", "2"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def demo(story: Sequence[str], wrap: Sequence[str] = ()) -> list[str]:
    """Every line until the end of the story, or until the time is over."""
    command = [*wrap, LINKWATCH, "demo", *port(), "--seconds", str(LONGEST_S)]
    with subprocess.Popen(command, stdout=-1, stderr=subprocess.STDOUT, text=True) as process:
        lines = list(until(story[-1], process))
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=15) == 0
    return lines


def until(end: str, process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    deadline = time.monotonic() + LONGEST_S + 20
    for line in process.stdout:
        yield line
        if re.search(end, line) or time.monotonic() > deadline:
            return


def missing(story: Sequence[str], lines: list[str]) -> list[str]:
    """The parts of the story that did not come, or not in this order."""
    rest = iter(lines)
    return [part for part in story if not any(re.search(part, line) for line in rest)]


def port() -> tuple[str, str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return "--port", str(min(server.getsockname()[1], 65_000))
