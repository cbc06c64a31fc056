"""Connects once, speaks the dialogue if there is one, and makes a sample of it."""

from __future__ import annotations

from probes.attempt import Attempt, run_attempt
from probes.bytestream import ByteStream, PlainStream
from probes.failure import ProbeError
from probes.sample import Reason, Sample, Target
from probes.tcp import metrics
from probes.tcp.dialogue import speak
from probes.tcp.script import LINE_ENDS, parse_script
from probes.tcp.settings import Settings
from probes.tls.chain import certificate_flaws
from probes.tls.opening import Opening, opening_for
from probes.tls.trust import strict_context


async def probe(target: Target, settings: Settings, deadline_s: float) -> Sample:
    """Connect once; returns within `deadline_s`, raises nothing. What was seen before a failure stays."""

    async def steps(attempt: Attempt) -> None:
        opening = opening_for(
            target,
            attempt,
            port=settings.port,
            starttls=settings.starttls,
            server_name=settings.server_name,
        )
        try:
            if settings.says_nothing:
                (await opening.connect()).close()
                return
            async with opening.plain() as plain:
                stream = await _secure(opening, plain, settings)
                await _speak(opening, stream, settings)
        finally:
            opening.report_phases(metrics.PHASE)

    return await run_attempt(steps, deadline_s)


async def _secure(opening: Opening, plain: PlainStream, settings: Settings) -> ByteStream:
    if not (settings.tls or settings.starttls):
        return plain
    secured = await opening.secure(plain, strict_context(settings.ca_file, "1.2"))
    flaws = certificate_flaws(secured, opening.name)
    if flaws and settings.verify:
        raise ProbeError(Reason.TLS, f"certificate of {opening.name}: {flaws}")
    return secured


async def _speak(opening: Opening, stream: ByteStream, settings: Settings) -> None:
    script = parse_script(settings.dialogue)
    if script:
        opening.enter("dialogue")
        await speak(stream, script, LINE_ENDS[settings.line_end], opening.attempt)
        opening.enter("")
