"""JMESPath over JSON that strangers send: no expression can be kept busy by a document made for it.

JMESPath has no descent into all depths, no regular expressions and no way to compare everything with
everything, so its time grows with the document; JSONPath (RFC 9535) has all three.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from functools import lru_cache
from typing import Any

import jmespath
import orjson


@lru_cache(maxsize=4096)
def _compile(query: str) -> Any:
    return jmespath.compile(query)


def check_query(query: str) -> None:
    """Raises ValueError unless `query` is a JMESPath expression whose functions exist."""
    try:
        _compile(query).search(None)
    except jmespath.exceptions.JMESPathTypeError:
        pass  # a good function, and no document yet
    except jmespath.exceptions.JMESPathError as error:
        raise ValueError(str(error).splitlines()[0]) from None


def read_json(body: bytes) -> Any:
    """The document in `body` (RFC 8259, UTF-8, with or without a byte order mark); raises ValueError."""
    try:
        return orjson.loads(body.removeprefix(BOM_UTF8))
    except orjson.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos}") from None


def find_text(query: str, document: Any) -> str | None:
    """What `query` finds: a text as it is, anything else as JSON (`true`, `3`, `["a"]`); None if nothing.

    Raises ValueError where the document has something else than the expression can work with.
    """
    try:
        found = _compile(query).search(document)
        return found if found is None or isinstance(found, str) else orjson.dumps(found).decode()
    except (jmespath.exceptions.JMESPathError, TypeError, RecursionError):
        # Their texts quote the document, which may hold secrets.
        raise ValueError("does not fit what is there") from None
