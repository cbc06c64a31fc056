"""A network of the demo's own: namespaces joined by a TUN pair; the host's network is never touched.

Imported before anything that starts threads: an unprivileged user namespace can only be entered by a
process with a single thread (user_namespaces(7)).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
TUN_DEVICE = Path("/dev/net/tun")
REHEARSAL_S = 10.0


class NoNamespaceError(Exception):
    """This machine does not allow a network namespace; the message says why."""


def rehearse() -> None:
    """Find out, in a process of its own, whether `enter_own_network` would work here.

    What was entered halfway cannot be left again. Raises NoNamespaceError.
    """
    done = subprocess.run(
        [sys.executable, "-m", __name__], capture_output=True, text=True, check=False, timeout=REHEARSAL_S
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise NoNamespaceError(lines[-1] if lines else f"exit code {done.returncode}")


def enter_own_network() -> None:
    """Move this thread, and what it starts from now on, into a new network with only loopback.

    As root directly; else inside a user namespace. Raises NoNamespaceError.
    """
    if shutil.which("ip") is None:
        raise NoNamespaceError("the command ip is missing (apt-get install iproute2)")
    if os.geteuid() == 0:
        _unshare(CLONE_NEWNET)
    else:
        uid, gid = os.geteuid(), os.getegid()
        _unshare(CLONE_NEWUSER | CLONE_NEWNET)
        _map_to_root(uid, gid)
    configure("link set lo up")


def open_tun(name: str) -> int:
    """A TUN interface in this thread's network: a file descriptor that carries bare IP packets.

    Raises NoNamespaceError.
    """
    try:
        fd = os.open(TUN_DEVICE, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        raise NoNamespaceError(f"{TUN_DEVICE} cannot be opened: {error.strerror}") from error
    try:
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    except OSError as error:
        os.close(fd)
        raise NoNamespaceError(f"no TUN interface: {error.strerror}") from error
    return fd


def configure(command: str) -> None:
    """Run `ip` with these words in this thread's network. Raises NoNamespaceError."""
    done = subprocess.run(["ip", *command.split()], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoNamespaceError(f"ip {command}: {done.stderr.strip()}")


def configure_many(commands: list[str]) -> None:
    """Run many `ip` commands in one process. Raises NoNamespaceError."""
    done = subprocess.run(
        ["ip", "-batch", "-"], input="\n".join(commands), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NoNamespaceError(f"ip -batch: {done.stderr.strip()}")


def _map_to_root(uid: int, gid: int) -> None:
    """Be root inside the user namespace that this process has just entered."""
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    except OSError as error:
        raise NoNamespaceError(f"user namespaces are restricted: {error.strerror}") from error


def _unshare(flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        raise NoNamespaceError(f"unshare: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    try:
        enter_own_network()
    except NoNamespaceError as refusal:
        sys.exit(str(refusal))
