"""Every error as `application/problem+json` (RFC 9457); for people, without a traceback."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from linkwatch.config.problems import ConfigErrors
from linkwatch.core.incident import IncidentError, UnknownIncidentError
from linkwatch.store.errors import StoreError

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818  the word of RFC 9457
    """An answer other than success. `detail` is for people and holds no secret."""

    def __init__(self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


def not_found() -> Problem:
    """The same answer for what is not there and for what the caller may not see."""
    return Problem(HTTPStatus.NOT_FOUND, "There is nothing here.")


def bad_request(detail: str) -> Problem:
    """The caller's mistake, said so that it can be mended."""
    return Problem(HTTPStatus.BAD_REQUEST, detail)


@web.middleware
async def problem_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns every failure below it into a problem; redirects pass."""
    try:
        return await handler(request)
    except web.HTTPRedirection:
        raise
    except ConnectionResetError:
        return web.Response()  # to nobody: the client is gone, and that is no failure of ours
    except Exception as error:
        problem = _as_problem(error)
        if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.exception("%s %s failed", request.method, request.path)
        return problem_response(problem)


def problem_response(problem: Problem) -> web.Response:
    """The answer itself; type is `about:blank`, so the title is the status's phrase (RFC 9457 §4.2.1)."""
    status = problem.status
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": problem.detail}
    text = json.dumps(body, ensure_ascii=False)
    return web.Response(status=status, text=text, content_type=CONTENT_TYPE, headers=problem.headers)


def _as_problem(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case web.HTTPException():
            return _from_aiohttp(error)
        case UnknownIncidentError():
            return not_found()
        case IncidentError():
            return Problem(HTTPStatus.CONFLICT, str(error))
        case ConfigErrors():
            return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        case StoreError():
            detail = "The store cannot be used now; LinkWatch's log says why."
            return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "5"})
        case _:
            return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "LinkWatch failed to answer; its log says why.")


def _from_aiohttp(error: web.HTTPException) -> Problem:
    status = HTTPStatus(error.status)
    if status is HTTPStatus.NOT_FOUND:
        return not_found()
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    return Problem(status, status.description or status.phrase, headers)
