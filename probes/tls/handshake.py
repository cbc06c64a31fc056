"""The handshake over a stream that is already there, and the stream in TLS that comes of it."""

from __future__ import annotations

from contextlib import suppress

from OpenSSL import SSL

from probes.bytestream import LONGEST_READ, ByteStream
from probes.failure import ProbeError
from probes.resolve import parse_address
from probes.sample import Reason
from probes.tls.trust import Witness


class HandshakeError(ProbeError):
    """The two could not agree upon TLS."""


class SecureStream:
    """A ByteStream in TLS. `connection` and `witness` tell what the handshake has brought to light."""

    def __init__(self, plain: ByteStream, context: SSL.Context, name: str) -> None:
        """`name`: what the server is asked for (SNI), unless it is an address."""
        self.witness = Witness()
        self.connection = SSL.Connection(context, None)
        self.connection.set_app_data(self.witness)
        self.connection.set_connect_state()
        self.connection.request_ocsp()
        if parse_address(name) is None:
            self.connection.set_tlsext_host_name(ascii_name(name).encode())
        self._plain = plain

    async def shake_hands(self) -> None:
        """Raises HandshakeError; a certificate that is wrong is noted and is no failure here."""
        try:
            while True:
                try:
                    self.connection.do_handshake()
                    return await self._flush()
                except SSL.WantReadError:
                    await self._flush()
                    await self._fill()
        except SSL.Error as error:
            with suppress(OSError):
                await self._flush()  # the alert: the server's log says why, too
            raise HandshakeError(Reason.TLS, f"handshake failed: {_words(error)}") from None
        except OSError as error:
            what = error.strerror or "the connection was closed"
            raise HandshakeError(Reason.TLS, f"handshake failed: {what}") from None

    async def read(self) -> bytes:
        """What comes next, in the clear; nothing at the end."""
        while True:
            try:
                return self.connection.recv(LONGEST_READ)
            except SSL.WantReadError:
                await self._flush()
                await self._fill()
            except (SSL.ZeroReturnError, SSL.SysCallError):
                return b""
            except SSL.Error as error:
                raise ProbeError(Reason.TLS, f"TLS broke off: {_words(error)}") from None

    async def write(self, data: bytes) -> None:
        """Send `data`, encrypted."""
        try:
            self.connection.sendall(data)
        except SSL.Error as error:
            raise ProbeError(Reason.TLS, f"TLS broke off: {_words(error)}") from None
        await self._flush()

    def close(self) -> None:
        """Drop the connection."""
        self._plain.close()

    async def _flush(self) -> None:
        with suppress(SSL.WantReadError):
            while True:
                await self._plain.write(self.connection.bio_read(LONGEST_READ))

    async def _fill(self) -> None:
        received = await self._plain.read()
        if received:
            self.connection.bio_write(received)
        else:
            self.connection.bio_shutdown()


def ascii_name(name: str) -> str:
    """A host name as it stands in certificates (IDNA); raises ProbeError."""
    try:
        return name.rstrip(".").encode("idna").decode()
    except UnicodeError:
        raise ProbeError(Reason.RESOLVE, f"{name}: not a host name") from None


def _words(error: SSL.Error) -> str:
    """What OpenSSL says, for people."""
    if isinstance(error, SSL.SysCallError):
        return "the connection was closed"
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return queue[0][2] if queue and queue[0][2] else "unknown error"
