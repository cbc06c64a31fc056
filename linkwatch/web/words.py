"""The words of the pages, Vietnamese first, English beside it, each state with its sign.

A colour never says anything alone: every state has a sign and a word.
"""

from __future__ import annotations

from typing import NamedTuple

from linkwatch.core.records import Delivery, IncidentState
from linkwatch.core.status import Status
from linkwatch.web.carriers import LinkState


class Word(NamedTuple):
    """`tone` names the colour in the style sheet."""

    vi: str
    en: str
    sign: str = ""
    tone: str = ""


STATUSES = {
    Status.OPERATIONAL: Word("Bình thường", "Operational", "✔", "good"),
    Status.DEGRADED_PERFORMANCE: Word("Suy giảm", "Degraded", "▲", "warn"),
    Status.PARTIAL_OUTAGE: Word("Gián đoạn một phần", "Partial outage", "◆", "bad"),
    Status.MAJOR_OUTAGE: Word("Mất liên lạc", "Outage", "✖", "bad"),
    Status.UNDER_MAINTENANCE: Word("Đang bảo trì", "Maintenance", "⚙", "calm"),
    Status.UNKNOWN: Word("Chưa rõ", "Unknown", "?", "dim"),
}

SEVERITIES = {
    "critical": Word("Nghiêm trọng", "Critical", "✖", "bad"),
    "warning": Word("Cảnh báo", "Warning", "▲", "warn"),
}
UNKNOWN_SEVERITY = SEVERITIES["warning"]
"""What a rule's own word for its severity counts as."""

INCIDENT_STATES = {
    IncidentState.OPEN: Word("Chưa ai nhận", "Not answered", "⏳", "bad"),
    IncidentState.ACKNOWLEDGED: Word("Đã nhận xử lý", "Acknowledged", "✔", "warn"),
    IncidentState.RESOLVED: Word("Đã xong", "Resolved", "✔", "good"),
}

DELIVERIES = {
    Delivery.QUEUED: Word("đang chờ gửi", "queued", "…", "dim"),
    Delivery.LEASED: Word("đang gửi", "sending", "…", "dim"),
    Delivery.DELIVERED: Word("đã gửi", "delivered", "✔", "good"),
    Delivery.FAILED: Word("gửi không được", "failed", "✖", "bad"),
    Delivery.UNKNOWN: Word("chưa rõ đã đến", "unknown", "?", "warn"),
}

LINK_STATES = {
    LinkState.UP: Word("thông", "up", "✔", "good"),
    LinkState.DOWN: Word("đứt", "down", "✖", "bad"),
    LinkState.MAINTENANCE: Word("bảo trì", "maintenance", "⚙", "calm"),
    LinkState.UNKNOWN: Word("chưa rõ", "unknown", "?", "dim"),
}

OBJECTIVES = {
    "loss": Word("mất gói", "loss"),
    "rtt": Word("độ trễ", "round trip"),
    "jitter": Word("biến thiên trễ", "jitter"),
}

COVERED = {
    "isolated": Word("LinkWatch đang bị cô lập", "LinkWatch is isolated"),
    "maintenance": Word("đang bảo trì", "under maintenance"),
}

EVENTS = {
    "opened": Word("Mở sự cố", "Opened"),
    "alert-joined": Word("Thêm cảnh báo", "Alert joined"),
    "severity": Word("Đổi mức độ", "Severity"),
    "impact-grew": Word("Ảnh hưởng lan rộng", "Impact grew"),
    "fault-owner": Word("Xác định đơn vị chịu trách nhiệm", "Fault owner"),
    "path-ends": Word("Đường đi bị đứt", "The path ends"),
    "path-changed": Word("Đường đi thay đổi", "The path changed"),
    "reply-ttl-changed": Word("TTL của gói trả lời thay đổi", "The TTL of replies changed"),
    "covered": Word("Bị che", "Covered"),
    "uncovered": Word("Hết bị che", "Uncovered"),
    "clock-set": Word("Đồng hồ máy chủ được chỉnh", "The server's clock was set"),
    "held": Word("Giữ: chưa đo lại được", "Held"),
    "measured-again": Word("Đo lại được", "Measured again"),
    "told": Word("Báo tin", "Told"),
    "repeated": Word("Nhắc lại", "Repeated"),
    "nobody-to-tell": Word("Không có ai để báo", "Nobody to tell"),
    "fault-owner-has-no-duty": Word("Đơn vị không có người trực", "Fault owner has no duty"),
    "delivered": Word("Đã gửi tin", "Delivered"),
    "delivery-failed": Word("Gửi tin không được", "Delivery failed"),
    "delivery-unknown": Word("Chưa rõ tin đã đến", "Delivery unknown"),
    "acknowledged": Word("Đã nhận xử lý", "Acknowledged"),
    "note": Word("Ghi chú", "Note"),
    "reopened": Word("Mở lại", "Reopened"),
    "resolved": Word("Kết thúc", "Resolved"),
    "cold-start": Word("Thiết bị báo: khởi động lại", "Device says: started"),
    "warm-start": Word("Thiết bị báo: khởi động lại, không mất điện", "Device says: started again, warm"),
    "link-down": Word("Thiết bị báo: cổng mất kết nối", "Device says: link down"),
    "link-up": Word("Thiết bị báo: cổng có kết nối", "Device says: link up"),
    "authentication-failure": Word("Thiết bị báo: có người truy cập sai", "Device says: a log-in failed"),
    "bgp-established": Word("Thiết bị báo: phiên BGP thông", "Device says: BGP established"),
    "bgp-lost": Word("Thiết bị báo: phiên BGP đứt", "Device says: BGP lost"),
}
"""Kinds of timeline lines; one that is not here is shown by its own name."""

DETAILS = {
    "alert": "cảnh báo",
    "by": "bởi",
    "by_s": "giây",
    "channel": "kênh",
    "contact": "người nhận",
    "count": "số lượng",
    "detail": "chi tiết",
    "fallback": "chuyển sang kênh",
    "following": "trước đây tiếp đến",
    "hop": "chặng",
    "interface": "cổng",
    "kind": "loại tin",
    "last": "dừng sau",
    "note": "ghi chú",
    "now": "thành",
    "number": "lần",
    "organization": "đơn vị",
    "peer": "đối tác BGP",
    "probe": "phép đo",
    "reason": "lý do",
    "receivers": "người nhận",
    "repeated": "gửi lại",
    "root": "gốc",
    "severity": "mức độ",
    "step": "bước",
    "summary": "tóm tắt",
    "target": "thiết bị",
    "was": "từ",
}
"""Names within a timeline line."""

VALUES = {
    "page": "báo sự cố",
    "repeat": "nhắc lại",
    "update": "cập nhật",
    "acknowledged": "đã nhận xử lý",
    "resolved": "đã khôi phục",
    "info": "Thông tin",
    "true": "có",
    "isolated": "LinkWatch bị cô lập",
    "maintenance": "đang bảo trì",
    "recovered": "đo lại thấy hoạt động bình thường",
    "withdrawn": "đã đưa ra khỏi danh mục giám sát",
    "rule-removed": "quy tắc cảnh báo đã gỡ bỏ",
    "operator": "người trực đóng",
    "started": "LinkWatch vừa khởi động",
    "not-measured": "chưa đo lại được",
    "rule-failed": "quy tắc không tính được",
    "holds": "cảnh báo còn đúng",
    "holds-again": "cảnh báo đúng trở lại",
    "no escalation matches": "không có quy trình báo tin nào phù hợp",
    "no contact can be reached": "không liên lạc được ai",
}
"""Keywords within a timeline line."""
