"""Words, times, durations and figures as people read them, in Vietnamese and English."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime, tzinfo

WORDS: Mapping[str, Mapping[str, str]] = {
    "vi": {
        "critical": "NGHIÊM TRỌNG",
        "warning": "CẢNH BÁO",
        "info": "THÔNG TIN",
        "emergency": "KHẨN CẤP",
        "repeat": "NHẮC LẠI",
        "eased": "GIẢM MỨC",
        "acknowledged": "ĐÃ NHẬN XỬ LÝ",
        "resolved": "ĐÃ KHÔI PHỤC",
        "closed": "ĐÃ ĐÓNG",
        "target": "Thiết bị: {name}",
        "place": "Nơi: {place}",
        "since": "Từ: {time}",
        "evidence": "Bằng chứng: {evidence}",
        "loss": "mất gói {loss} trong một phút qua",
        "rtt": "độ trễ {rtt} trong một phút qua",
        "reporter": "bộ định tuyến {address} báo không tới được đích",
        "path_end": "đường đi dừng sau {last} (chặng {hop})",
        "path_end_here": "không chặng nào trên đường đi trả lời",
        "path_following": "{end}, trước đây tiếp đến {following}",
        "circuit": "Mã kênh: {circuit}",
        "impact": "Kéo theo: {count} thiết bị",
        "fault_owner": "Đơn vị chịu trách nhiệm: {organization} ({ground})",
        "fault_unknown": "Đơn vị chịu trách nhiệm: chưa xác định",
        "icmp-reporter": "bộ định tuyến {detail} trong mạng của đơn vị báo không tới được đích",
        "link-owner": "đường truyền của đơn vị",
        "upstream-answers": "{detail} phía trước vẫn trả lời",
        "owner": "đơn vị quản lý",
        "also": "Còn báo: {summary}",
        "action": "Việc cần làm: {action}",
        "incident": "Sự cố #{id}, nguyên nhân gốc: {root}",
        "link": "Xác nhận đã nhận việc: {link}",
        "worse": "Sự cố đã nặng lên: {severity}",
        "less": "Sự cố đã nhẹ bớt, còn: {severity}",
        "acknowledged_by": "{by} đã nhận xử lý lúc {time}",
        "note": "Ghi chú: {note}",
        "recovered": "{name} đã hoạt động bình thường trở lại, theo kết quả đo",
        "withdrawn": "{name} đã được đưa ra khỏi danh mục giám sát",
        "rule-removed": "Quy tắc cảnh báo cho {name} đã được gỡ bỏ",
        "operator": "{by} đã đóng sự cố của {name}",
        "lasted": "Kéo dài: {duration}, từ {start} đến {end}",
        "short_since": "Tu {time}",
        "short_circuit": "Kenh {circuit}",
        "short_impact": "Keo theo {count}",
        "short_lasted": "sau {duration}",
        "date_time": "%H:%M:%S ngày %d/%m/%Y",
        "d": "ngày",
        "h": "giờ",
        "min": "phút",
        "s": "giây",
    },
    "en": {
        "critical": "CRITICAL",
        "warning": "WARNING",
        "info": "INFO",
        "emergency": "EMERGENCY",
        "repeat": "REMINDER",
        "eased": "EASED",
        "acknowledged": "ACKNOWLEDGED",
        "resolved": "RESOLVED",
        "closed": "CLOSED",
        "target": "Target: {name}",
        "place": "Place: {place}",
        "since": "Since: {time}",
        "evidence": "Evidence: {evidence}",
        "loss": "{loss} loss in the last minute",
        "rtt": "{rtt} round trip in the last minute",
        "reporter": "router {address} reports it unreachable",
        "path_end": "the path ends after {last} (hop {hop})",
        "path_end_here": "no hop of the path answers",
        "path_following": "{end}, before it went on to {following}",
        "circuit": "Circuit: {circuit}",
        "impact": "Takes with it: {count} targets",
        "fault_owner": "Fault owner: {organization} ({ground})",
        "fault_unknown": "Fault owner: not known yet",
        "icmp-reporter": "router {detail} in its network reports the target unreachable",
        "link-owner": "its link",
        "upstream-answers": "{detail} before it still answers",
        "owner": "it owns the target",
        "also": "Also: {summary}",
        "action": "What to do: {action}",
        "incident": "Incident #{id}, root cause: {root}",
        "link": "Acknowledge: {link}",
        "worse": "The incident got worse: {severity}",
        "less": "The incident eased, now: {severity}",
        "acknowledged_by": "{by} took it on at {time}",
        "note": "Note: {note}",
        "recovered": "{name} was measured and works again",
        "withdrawn": "{name} is no longer watched",
        "rule-removed": "The alerting rule for {name} was removed",
        "operator": "{by} closed the incident of {name}",
        "lasted": "Lasted {duration}, from {start} to {end}",
        "short_since": "Since {time}",
        "short_circuit": "Circuit {circuit}",
        "short_impact": "Takes {count} with it",
        "short_lasted": "after {duration}",
        "date_time": "%H:%M:%S on %Y-%m-%d",
        "d": "d",
        "h": "h",
        "min": "min",
        "s": "s",
    },
}

_OUTSIDE_PLAIN_GSM = str.maketrans("[]{}|\\^~`", "()()//'-'", "\x0c€")
_LOOK_ALIKE = str.maketrans({"đ": "d", "Đ": "D", "–": "-", "—": "-", "·": "-", "…": "...", "\xa0": " "})


def say(language: str, key: str, **data: object) -> str:
    """A text in a language; whoever does not read Vietnamese gets English."""
    return WORDS["vi" if language == "vi" else "en"][key].format(**data)


def say_time(language: str, at: float, zone: tzinfo) -> str:
    """A time of day and date as shown on the wall clock of `zone`; `at` in UTC seconds."""
    return datetime.fromtimestamp(at, zone).strftime(say(language, "date_time"))


def say_short_time(at: float, zone: tzinfo) -> str:
    """Hour, minute, day and month: enough for an SMS."""
    return datetime.fromtimestamp(at, zone).strftime("%H:%M %d/%m")


def say_duration(language: str, duration_s: float) -> str:
    """Days, hours, minutes and seconds, without the parts that are zero."""
    minutes, seconds = divmod(max(0, round(duration_s)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s"))
    shown = [f"{count} {say(language, unit)}" for count, unit in parts if count]
    return " ".join(shown) or f"0 {say(language, 's')}"


def say_figure(language: str, value: float, unit: str) -> str:
    """Three digits and a unit, with the decimal sign of the language."""
    text = f"{value:.3g}" if value < 1000 else f"{value:.0f}"
    return f"{text.replace('.', ',') if language == 'vi' else text} {unit}"


def strip_diacritics(text: str) -> str:
    """The text in letters that cost one GSM-7 septet each (3GPP TS 23.038), so that an SMS holds 160.

    One Vietnamese letter outside that alphabet would turn the whole message into UCS-2 with 70 letters.
    """
    bare = unicodedata.normalize("NFD", text.translate(_LOOK_ALIKE))
    plain = "".join(letter for letter in bare if not unicodedata.combining(letter))
    return plain.translate(_OUTSIDE_PLAIN_GSM).encode("ascii", "replace").decode("ascii")
