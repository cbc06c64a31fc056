"""The last resort: ends the process when the pinger's thread is stuck and holds up whoever asks it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable

from linkwatch.flow.vitals import Pulse

LOOK_S = 1.0
LOOKS = 8
"""More than the event loop's own guard takes, which ends the service in good order if it still can."""

FAILED = 1

log = logging.getLogger(__name__)


class Guard:
    """A thread of its own, for the event loop may be waiting for the very lock that the pinger holds. An end
    without warning is safe: whatever was decided is in the store.
    """

    def __init__(self, alive_at: Callable[[], float], end: Callable[[int], object] = os._exit) -> None:
        """`alive_at` changes with every turn of the pinger, and must not wait for it."""
        self._alive_at, self._end = alive_at, end
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="guard", daemon=True)

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def close(self) -> None:
        """Look no longer."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        pulse = Pulse(self._alive_at, LOOKS)
        while not self._ended.wait(LOOK_S):
            if pulse.is_still():
                log.critical("the pinger thread is stuck, and the service with it; the process ends")
                self._end(FAILED)
                return
