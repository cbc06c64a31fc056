"""Privileges of this process: what needs them is opened first, then they are given up for good.

Raw sockets of both families and a port below 1024 are opened while the rights are there (as root, by file
capabilities, or by systemd's AmbientCapabilities); nothing after the start needs them again. A part that
ever does opens its socket before the drop, as the pinger does, rather than keep a capability.

Linux keeps capabilities by thread, so they are given up before the first thread starts.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import struct
from collections.abc import Iterator
from dataclasses import dataclass

CAP_SETGID, CAP_SETUID, CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_NICE = 6, 7, 10, 12, 13, 23
FOR_SOCKETS = (CAP_NET_RAW, CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, CAP_SYS_NICE)
"""What opening takes: ICMP, buffers beyond the sysctl, a port below 1024, and a thread that goes first."""

_LAST_CAP = 63
_CAPABILITY_VERSION_3 = 0x20080522
_PR_SET_KEEPCAPS, _PR_CAPBSET_READ, _PR_CAPBSET_DROP = 8, 23, 24
_PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
AHEAD = 10
"""How much less nice than all others the pinger's thread is."""

_libc = ctypes.CDLL(None, use_errno=True)


class PrivilegeError(PermissionError):
    """The rights that were asked for cannot be taken or given up; the message says what would do."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine, to become."""

    name: str
    uid: int
    gid: int
    home: str


def find_account(name: str) -> Account:
    """The user of that name or number; raises KeyError."""
    entry = pwd.getpwuid(int(name)) if name.isdecimal() else pwd.getpwnam(name)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir)


def become(account: Account) -> None:
    """Be that user from now on; capabilities stay until `drop_capabilities`.

    Raises PrivilegeError where this process may not.
    """
    if (account.uid, account.gid) == (os.geteuid(), os.getegid()):
        return
    rights = 1 << CAP_SETGID | 1 << CAP_SETUID
    if effective_capabilities() & rights != rights:
        raise PrivilegeError(
            f"only root may become the user {account.name}; start as root, or without --user"
        )
    _empty_bounding_set()
    _prctl(_PR_SET_KEEPCAPS, 1)
    os.initgroups(account.name, account.gid)
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)
    _prctl(_PR_SET_KEEPCAPS, 0)
    _check_that_python_can_be_read(account)
    os.environ.update(HOME=account.home, USER=account.name, LOGNAME=account.name)


def _check_that_python_can_be_read(account: Account) -> None:
    """Parts of it are loaded later: better to hear of it now."""
    for file in (os.__file__, __file__):
        if not os.access(file, os.R_OK):
            raise PrivilegeError(
                f"the user {account.name} may not read {file}; install LinkWatch where that user can, "
                "such as in a virtual environment below /opt"
            )


def drop_capabilities(*keep: int) -> None:
    """Give up every capability but `keep`, for this process and whatever it starts, for good.

    The user stays the same: root without capabilities is a user like any other that owns root's files.
    Raises PrivilegeError if the kernel does not let go of them.
    """
    permitted = _get_capabilities()[1]
    kept = permitted & sum(1 << capability for capability in keep)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    with contextlib.suppress(OSError):  # kernels before 4.3 have no ambient set
        _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    _empty_bounding_set()
    _set_capabilities(kept)
    left = effective_capabilities() & ~kept
    if left:
        raise PrivilegeError(f"the kernel did not let go of the capabilities {left:#x}")


@contextlib.contextmanager
def starting_first() -> Iterator[None]:
    """Threads that start within the block go before all others where this machine allows it, even if the
    right to say so is given up within the block."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, before - AHEAD)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)


def effective_capabilities() -> int:
    """The capabilities that count in this thread, one bit each."""
    return _get_capabilities()[0]


def _empty_bounding_set() -> None:
    """No program that we start ever gains a capability; without CAP_SETPCAP no_new_privs sees to it alone."""
    for capability in range(_LAST_CAP + 1):
        if _libc.prctl(_PR_CAPBSET_READ, capability, 0, 0, 0) == 1:
            with contextlib.suppress(PermissionError):
                _prctl(_PR_CAPBSET_DROP, capability)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise _failure("prctl")


def _get_capabilities() -> tuple[int, int]:
    """Effective and permitted, of this thread."""
    data = ctypes.create_string_buffer(24)
    if _libc.capget(_header(), data) != 0:
        raise _failure("capget")
    low_effective, low_permitted, _, high_effective, high_permitted, _ = struct.unpack("6I", data.raw)
    return high_effective << 32 | low_effective, high_permitted << 32 | low_permitted


def _set_capabilities(kept: int) -> None:
    low, high = kept & 0xFFFFFFFF, kept >> 32
    if _libc.capset(_header(), struct.pack("6I", low, low, 0, high, high, 0)) != 0:
        raise _failure("capset")


def _header() -> bytes:
    return struct.pack("Ii", _CAPABILITY_VERSION_3, 0)


def _failure(call: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{call}: {os.strerror(number).lower()}")
