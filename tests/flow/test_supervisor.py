import socket
from pathlib import Path

from linkwatch.flow.supervisor import Supervisor


def test_the_manager_is_told_what_happens(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        supervisor = Supervisor({"NOTIFY_SOCKET": path})
        supervisor.ready()
        supervisor.alive()
        supervisor.reloading(12.5)
        supervisor.stopping()
        heard = [manager.recv(200).decode() for _ in range(4)]
    assert heard == ["READY=1", "WATCHDOG=1", "RELOADING=1\nMONOTONIC_USEC=12500000", "STOPPING=1"]


def test_an_abstract_address_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("")  # the kernel chooses an abstract one
        name = manager.getsockname().decode()
        Supervisor({"NOTIFY_SOCKET": "@" + name[1:]}).alive()
        assert manager.recv(200) == b"WATCHDOG=1"


def test_without_a_manager_or_with_a_deaf_one_nothing_happens(tmp_path: Path) -> None:
    Supervisor({}).ready()
    Supervisor({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).alive()
