"""What the RTSP probe measures: its part of the catalogue."""

from __future__ import annotations

from probes.sample import Metric

_OF = ("probe",)

STATUS_CODE = Metric("linkwatch_rtsp_status_code", "Status code of the last answer.", labels=_OF)
RESPONSE = Metric(
    "linkwatch_rtsp_response_seconds",
    "How long the answer to each request took, a second one with a login included.",
    labels=(*_OF, "method"),
    unit="seconds",
)
VIDEO = Metric(
    "linkwatch_rtsp_video",
    "Whether video still came when the look ended; absent = the camera did not agree to play.",
    labels=_OF,
)
FROZEN = Metric(
    "linkwatch_rtsp_frozen",
    "Whether the picture stands still: the timestamp does, or key frames repeat; absent = no video.",
    labels=_OF,
)
FIRST_PACKET = Metric(
    "linkwatch_rtsp_first_packet_seconds",
    "Time from asking to play until the first packet.",
    labels=_OF,
    unit="seconds",
)
PAUSE = Metric(
    "linkwatch_rtsp_pause_seconds",
    "Longest time without a new frame during the look, which begins with the first packet.",
    labels=_OF,
    unit="seconds",
)
FRAME_RATE = Metric("linkwatch_rtsp_frames_per_second", "Frames that began, per second.", labels=_OF)
BYTE_RATE = Metric(
    "linkwatch_rtsp_bytes_per_second", "Bytes of video, without headers, per second.", labels=_OF
)
PACKETS = Metric("linkwatch_rtsp_packets", "Packets of video that came during the look.", labels=_OF)
LOSS = Metric(
    "linkwatch_rtsp_loss_ratio",
    "Share of packets missing between the first and the last; absent = unknown.",
    labels=_OF,
    unit="ratio",
)

METRICS = (
    STATUS_CODE,
    RESPONSE,
    VIDEO,
    FROZEN,
    FIRST_PACKET,
    PAUSE,
    FRAME_RATE,
    BYTE_RATE,
    PACKETS,
    LOSS,
)
