"""Through an HTTP proxy: a tunnel for HTTPS (RFC 9110, 9.3.6); for plain HTTP the proxy asks in our place."""

from __future__ import annotations

import asyncio
import re
import socket

from aiohttp import encode_basic_auth
from yarl import URL

from probes.failure import ProbeError
from probes.sample import Reason

_LONGEST_ANSWER = 16_384
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: |\r\n)")


LOGIN_REFUSED = 407


def login_refused() -> ProbeError:
    """What is wrong when the proxy answers with `LOGIN_REFUSED`: the target has got nothing."""
    return ProbeError(Reason.PROXY, f"the proxy refuses the login (status {LOGIN_REFUSED})")


def proxy_login(proxy: URL) -> dict[str, str]:
    """The header that tells the proxy who asks."""
    if not proxy.user:
        return {}
    return {"Proxy-Authorization": encode_basic_auth(proxy.user, proxy.password or "")}


async def open_tunnel(connected: socket.socket, proxy: URL, host: str, port: int) -> None:
    """Ask the proxy at the other end of `connected` for a tunnel; raises ProbeError, OSError."""
    loop = asyncio.get_running_loop()
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
    lines += [f"{name}: {value}" for name, value in proxy_login(proxy).items()]
    await loop.sock_sendall(connected, "\r\n".join([*lines, "", ""]).encode())
    _check_answer(await _read_head(loop, connected))


async def _read_head(loop: asyncio.AbstractEventLoop, connected: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        received = await loop.sock_recv(connected, _LONGEST_ANSWER)
        head += received
        if not received or len(head) > _LONGEST_ANSWER:
            raise ProbeError(Reason.PROXY, "the proxy's answer has no end")
        await asyncio.sleep(0)  # sock_recv does not, while there is something
    return head


def _check_answer(head: bytes) -> None:
    match = _STATUS_LINE.match(head)
    if match is None:
        raise ProbeError(Reason.PROXY, "the proxy does not speak HTTP")
    status = int(match[1])
    if status == LOGIN_REFUSED:
        raise login_refused()
    if status == 403:
        raise ProbeError(Reason.PROXY, "the proxy does not allow the way (status 403)")
    if not 200 <= status < 300:
        raise ProbeError(Reason.PROTOCOL, f"the proxy opens no tunnel (status {status})")
    if not head.endswith(b"\r\n\r\n"):  # in TLS the server waits for us to begin
        raise ProbeError(Reason.PROXY, "the proxy sends something of its own into the tunnel")
