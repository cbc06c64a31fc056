"""What machines ask for: liveness, readiness, metrics, a reload, and the API's description."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web

from linkwatch.web.answer import json_answer
from linkwatch.web.exposition import CONTENT_TYPE, Exposition
from linkwatch.web.services import SERVICES

EXPOSITION = web.AppKey("exposition", Exposition)
DESCRIPTION = web.AppKey("description", Mapping[str, Any])


async def healthz(request: web.Request) -> web.Response:
    """200 while LinkWatch does its work, else 503; no body, since anybody may ask."""
    is_ok = request.app[SERVICES].health().ok
    return web.Response(status=HTTPStatus.OK if is_ok else HTTPStatus.SERVICE_UNAVAILABLE)


async def readyz(request: web.Request) -> web.Response:
    """200 once the first judgement was made, else 503; no body."""
    is_ready = request.app[SERVICES].reachability() is not None
    return web.Response(status=HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE)


async def metrics(request: web.Request) -> web.StreamResponse:
    """The board, streamed block by block."""
    response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})
    await response.prepare(request)
    if request.method != hdrs.METH_HEAD:
        async for block in request.app[EXPOSITION].blocks():
            if block:
                await response.write(block)
    await response.write_eof()
    return response


async def reload(request: web.Request) -> web.Response:
    """Read the configuration again; what is wrong with it is said, and then nothing has changed."""
    services = request.app[SERVICES]
    await services.reload()
    return json_answer(request, {"targets": len(services.inventory().targets)})


async def openapi(request: web.Request) -> web.Response:
    """The API's description."""
    return json_answer(request, request.app[DESCRIPTION])
