"""Cameras by RTSP: does it answer, does it let us in, does video come, is it whole, and does it move.

Packets are counted and compared by fingerprint; no picture is ever decoded, kept or shown. A picture is
called frozen when packets come but their timestamp stands still for `frozen_after`, or when key frames repeat
byte for byte, within a look or from one look to the next: a live sensor has noise and never makes the same
one twice. A camera that paints a running clock into a frozen picture is not found out by that, nor is one
whose key frames carry a running number (H.265 with an open GOP). A picture without any noise is taken for a
frozen one: perfect black, or the "no signal" of a recorder; where it is right, `compare_pictures` is no.

A look ends with TEARDOWN, whatever happens. A login that was refused is not tried again for ten minutes:
cameras lock out who fails too often.
"""

from probes.rtsp.metrics import METRICS
from probes.rtsp.settings import Settings
from probes.rtsp.watching import Watcher, probe

__all__ = ["DEFAULT_INTERVAL_S", "METRICS", "Settings", "open_session", "probe"]

DEFAULT_INTERVAL_S = 60.0

open_session = Watcher
"""What is remembered between looks: key frames, and that a login was refused."""
