"""Jitsi: one verdict per meeting server, with the failing part named.

From outside as a participant comes: the page and its config.js, BOSH and the XMPP websocket, the log-in, the
conference focus (greeted; no conference is made), every STUN and TURN server that is announced. Of the media
port only a refusal tells anything: a bridge answers nobody without a conference, so silence is no finding.
`inside` asks bridges, Jicofo and Prosody, or a Prometheus beside them, for what only they know: their health,
load, room for more, recorders. What fails first explains what follows: of what could not be asked nothing is
said.
"""

from probes.jitsi.metrics import METRICS
from probes.jitsi.settings import Settings

__all__ = ["DEFAULT_INTERVAL_S", "METRICS", "Settings"]

DEFAULT_INTERVAL_S = 30.0
