"""One agent: one request in flight, each with its own time limit, and errors that name a reason.

gufo-snmp sends, receives and decodes. Added here: retries, opening an SNMPv3 session again when the
agent's engine has changed, and answers that are too big.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

from gufo.snmp import (
    Aes128Key,
    Aes192Key,
    Aes256Key,
    BaseAuthKey,
    BasePrivKey,
    DesKey,
    KeyExpansion,
    Md5Key,
    NoSuchInstance,
    Sha1Key,
    Sha224Key,
    Sha256Key,
    Sha384Key,
    Sha512Key,
    SnmpAuthError,
    SnmpError,
    SnmpVersion,
    User,
    ValueType,
)
from gufo.snmp.aio import SnmpSession

from probes.failure import ProbeError, reason_of_errno
from probes.sample import Reason
from probes.snmp import mib
from probes.snmp.settings import Settings

_T = TypeVar("_T")
Row = tuple[str, ValueType]

_VERSIONS = {"1": SnmpVersion.v1, "2c": SnmpVersion.v2c, "3": SnmpVersion.v3}
_AUTH_KEYS: dict[str, type[BaseAuthKey]] = {
    "md5": Md5Key,
    "sha": Sha1Key,
    "sha224": Sha224Key,
    "sha256": Sha256Key,
    "sha384": Sha384Key,
    "sha512": Sha512Key,
}
_PRIV_KEYS: dict[str, type[BasePrivKey]] = {
    "des": DesKey,
    "aes": Aes128Key,
    "aes192": Aes192Key,
    "aes256": Aes256Key,
}
_SMALLEST_REQUEST = 8
ENGINE_CLOCK_S = 100.0
"""After so long without an answer the engine's clock is asked for anew: gufo-snmp keeps that of the last
answer, and an agent refuses requests whose clock is 150 s off (RFC 3414, 3.2)."""
REPETITIONS = (25, 5, 0)
"""Rows per GETBULK, from the first try to the last; 0 stands for GETNEXT."""


class Client:
    """Speaks with the agent at one address. `max_oids` shrinks when the agent cannot answer that many."""

    def __init__(self, address: str, port: int, settings: Settings) -> None:
        self.address = address
        self.port = port
        self.max_oids = settings.max_oids
        self.repetitions = 0 if settings.version == "1" else REPETITIONS[0]
        self.walks_work = False
        self._settings = settings
        self._session: SnmpSession | None = None
        self._answered_at: float | None = None

    @property
    def engine_id(self) -> bytes | None:
        """Who the agent says it is, with version 3."""
        has_engine = self._session is not None and self._settings.version == "3"
        return self._session.get_engine_id() if self._session and has_engine else None

    def note_walk(self, repetitions: int) -> None:
        """Remember how many rows the agent was seen to answer at once."""
        self.repetitions, self.walks_work = repetitions, True

    async def get(self, oids: Sequence[str]) -> dict[str, ValueType]:
        """Values by OID, of at most `max_oids`; what the agent does not have is left out."""
        try:
            answer = await self._ask(lambda session: session.get_many(list(oids)))
        except ProbeError as failure:
            if failure.reason is Reason.TIMEOUT and len(oids) > _SMALLEST_REQUEST:
                self._shrink(len(oids))  # perhaps the path drops fragments
            raise
        if answer or len(oids) == 1:
            return answer
        # gufo-snmp hands out tooBig, and v1's noSuchName, as an empty answer: ask for the halves.
        if self._settings.version != "1":
            if await self._can_answer(oids):
                return {}
            self._shrink(len(oids))
        half = len(oids) // 2
        return await self.get(oids[:half]) | await self.get(oids[half:])

    async def _can_answer(self, oids: Sequence[str]) -> bool:
        """Whether an empty answer means that the agent has none of these, since it can answer as many."""
        answer = await self._ask(lambda session: session.get_many([mib.SYS_UPTIME, *oids[1:]]))
        return answer.keys() == {mib.SYS_UPTIME}

    async def get_all(self, oids: Sequence[str]) -> dict[str, ValueType]:
        """Values by OID, in as many requests as it takes."""
        answer: dict[str, ValueType] = {}
        while oids:
            size = self.max_oids
            answer |= await self.get(oids[:size])
            oids = oids[size:]
        return answer

    async def open_walk(self, column: str, repetitions: int) -> AsyncIterator[Row]:
        """An iterator over the rows of a column, for `next_row`; without `repetitions` by GETNEXT."""
        session = await self._open()
        return session.getbulk(column, repetitions) if repetitions else session.getnext(column)

    async def next_row(self, walk: AsyncIterator[Row]) -> Row | None:
        """The next row of a walk, None at its end. After a failure the same row may be asked for again."""

        async def step(_session: SnmpSession) -> Row | None:
            return await anext(walk, None)

        return await self._ask(step)

    async def _ask(self, request: Callable[[SnmpSession], Awaitable[_T]]) -> _T:
        attempts = 1 + self._settings.retries
        while True:
            try:
                return await self._try(request)
            except ProbeError as failure:
                attempts -= 0 if self._is_resync_due(failure) else 1
                if not attempts:
                    raise

    async def _try(self, request: Callable[[SnmpSession], Awaitable[_T]]) -> _T:
        try:
            async with asyncio.timeout(self._settings.request_timeout_s):
                answer = await request(await self._open())
        except BaseException as error:
            if self._settings.version == "3":
                self._session = None  # the engine may be another one now, which gufo-snmp does not hear
            raise _failure(error) from error
        self._answered_at = time.monotonic()
        return answer

    def _is_resync_due(self, failure: ProbeError) -> bool:
        """Whether an agent that knew us does not now: it was restarted, which is no failed attempt, once."""
        knew_us, self._answered_at = self._answered_at is not None, None
        return knew_us and failure.reason is Reason.AUTH

    async def _open(self) -> SnmpSession:
        if self._session is None:
            session = SnmpSession(
                self.address,
                self.port,
                community=self._settings.community,
                user=_user(self._settings),
                version=_VERSIONS[self._settings.version],
                timeout=self._settings.request_timeout_s,
            )
            await session.refresh()  # version 3: discovers the engine and its clock
            self._session = session
        elif self._answered_at is not None and time.monotonic() - self._answered_at > ENGINE_CLOCK_S:
            await self._session.refresh()
        return self._session

    def _shrink(self, tried: int) -> None:
        self.max_oids = max(_SMALLEST_REQUEST, min(self.max_oids, tried // 2))


def _user(settings: Settings) -> User | None:
    if settings.version != "3":
        return None
    auth, priv = settings.auth_protocol, settings.priv_protocol
    return User(
        settings.user,
        auth_key=_AUTH_KEYS[auth](settings.auth_password.encode()) if auth else None,
        priv_key=_PRIV_KEYS[priv.removesuffix("c")](settings.priv_password.encode()) if priv else None,
        key_expansion=KeyExpansion.Cisco if priv.endswith("c") else KeyExpansion.Blumenthal,
    )


def _failure(error: BaseException) -> ProbeError:
    """Why a request failed; re-raises what is no failure of the request."""
    match error:
        case TimeoutError():
            return _timeout(error)
        case SnmpAuthError():
            return ProbeError(Reason.AUTH, "the agent rejects the user, its passwords or its protocols")
        case NoSuchInstance():
            return ProbeError(Reason.PROTOCOL, "the agent does not have what it was asked for")
        case SnmpError():
            return ProbeError(Reason.PROTOCOL, f"malformed answer: {error}")
        case RuntimeError():  # what gufo-snmp makes of values that it cannot hand over
            return ProbeError(Reason.PROTOCOL, "malformed answer")
        case OSError():
            return _socket_failure(error)
    # Rust code in gufo-snmp panics on some malformed packets; the panic is a BaseException.
    if type(error).__name__ == "PanicException":
        return ProbeError(Reason.PROTOCOL, "malformed answer")
    raise error


def _timeout(error: TimeoutError) -> ProbeError:
    # gufo-snmp turns ECONNREFUSED of recv() into a TimeoutError that says so.
    if "refused" in f"{error} {error.__cause__}":
        return ProbeError(Reason.REFUSED, "nothing listens on this port")
    return ProbeError(Reason.TIMEOUT, "no answer")


def _socket_failure(error: OSError) -> ProbeError:
    number = re.search(r"\(os error (\d+)\)", str(error))  # gufo-snmp does not set errno
    return ProbeError(reason_of_errno(int(number[1]) if number else None), str(error))
