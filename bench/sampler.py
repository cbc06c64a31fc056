"""Something that is looked at again and again, in a thread, while a row does its work."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Self


class Sampler(ABC):
    """A context manager; `_run` looks until `_over` is set. What goes wrong in it is raised at the end."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _look(self) -> None:
        try:
            self._run()
        except Exception as failure:
            self._failure = failure

    @abstractmethod
    def _run(self) -> None:
        """Look until it is over."""
