"""Jitsi from inside: what bridges, Jicofo, Prosody or a Prometheus beside them tell of themselves."""

from probes.jitsi.inside.metrics import INSIDE_METRICS
from probes.jitsi.inside.settings import Inside, check_inside

__all__ = ["INSIDE_METRICS", "Inside", "check_inside"]
