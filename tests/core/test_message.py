"""The exact texts that people read."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkwatch.core.blame import Evidence
from linkwatch.core.inventory import Kind
from linkwatch.core.message import SMS_LENGTH, Story, Style, Text, write
from linkwatch.core.records import Alert, AlertState, Incident, IncidentState, NotificationKind
from linkwatch.core.wording import say_duration, say_figure, strip_diacritics
from tests.core.incident_world import START, STYLE, province, target

LINK = replace(target("link-ham-rong", kind=Kind.LINK, owner="vnpt"), name="Kênh Hàm Rồng")
LINK = replace(LINK, circuit=target("x", kind=Kind.LINK).circuit)
ALERT = Alert(
    id="a1",
    rule="TargetDown",
    labels={"alertname": "TargetDown", "severity": "critical", "target": LINK.id},
    annotations={
        "summary": "Mất kết nối tới link-ham-rong",
        "summary_en": "link-ham-rong is unreachable",
        "action": "Gọi trực ca VNPT.",
        "action_en": "Call VNPT.",
    },
    value=0.0,
    state=AlertState.FIRING,
    true_since=START,
    true_at=START + 725,
)
INCIDENT = Incident(
    id=17,
    root=LINK.id,
    state=IncidentState.OPEN,
    severity="critical",
    emergency=True,
    opened_at=START + 3,
    alerts=("a1",),
    impact=tuple(f"camera-{n}" for n in range(12)),
    fault_owner="vnpt",
    blame_reason="link-owner",
)
STORY = Story(INCIDENT, (ALERT,), province([LINK]), Evidence(reporters={LINK.id: ("10.38.0.1",)}), START + 3)
PAGE, RESOLVED, ACK = NotificationKind.PAGE, NotificationKind.RESOLVED, NotificationKind.ACKNOWLEDGED


def test_a_page_in_vietnamese() -> None:
    assert write(PAGE, STORY, STYLE, "vi", "chat") == Text(
        "[NGHIÊM TRỌNG · KHẨN CẤP] Kênh Hàm Rồng: Mất kết nối tới link-ham-rong (#17)",
        """\
Mất kết nối tới link-ham-rong
Thiết bị: Kênh Hàm Rồng (link-ham-rong)
Nơi: Khu cách ly Hàm Rồng, Thanh Hóa/TP Thanh Hóa
Từ: 09:00:00 ngày 01/02/2021
Bằng chứng: bộ định tuyến 10.38.0.1 báo không tới được đích
Mã kênh: 38TH0123
Kéo theo: 12 thiết bị
Đơn vị chịu trách nhiệm: VNPT Thanh Hóa (đường truyền của đơn vị)
Việc cần làm: Gọi trực ca VNPT.
Sự cố #17, nguyên nhân gốc: link-ham-rong
Xác nhận đã nhận việc: https://lw.example/incidents/17""",
    )


def test_a_page_in_english() -> None:
    assert write(PAGE, STORY, STYLE, "en", "mail") == Text(
        "[CRITICAL · EMERGENCY] Kênh Hàm Rồng: link-ham-rong is unreachable (#17)",
        """\
link-ham-rong is unreachable
Target: Kênh Hàm Rồng (link-ham-rong)
Place: Khu cách ly Hàm Rồng, Thanh Hóa/TP Thanh Hóa
Since: 09:00:00 on 2021-02-01
Evidence: router 10.38.0.1 reports it unreachable
Circuit: 38TH0123
Takes with it: 12 targets
Fault owner: VNPT Thanh Hóa (its link)
What to do: Call VNPT.
Incident #17, root cause: link-ham-rong
Acknowledge: https://lw.example/incidents/17""",
    )


def test_a_page_as_sms() -> None:
    text = write(PAGE, STORY, STYLE, "vi", "sms")
    assert text == Text(
        "",
        "NGHIEM TRONG KHAN CAP: Kenh Ham Rong: Mat ket noi toi link-ham-rong. Tu 09:00 01/02. "
        "Kenh 38TH0123. Keo theo 12 #17 https://lw.example/incidents/17",
    )


def test_the_all_clear() -> None:
    resolved = replace(INCIDENT, state=IncidentState.RESOLVED, resolved_at=START + 755)
    story = replace(
        STORY,
        incident=resolved,
        change="recovered",
        now=START + 755,
        ended_at=START + 725,
        evidence=Evidence(rtt_s={LINK.id: 0.0042}),
    )
    assert write(RESOLVED, story, STYLE, "vi", "chat") == Text(
        "[ĐÃ KHÔI PHỤC] Kênh Hàm Rồng (#17)",
        """\
Kênh Hàm Rồng đã hoạt động bình thường trở lại, theo kết quả đo
Thiết bị: Kênh Hàm Rồng (link-ham-rong)
Nơi: Khu cách ly Hàm Rồng, Thanh Hóa/TP Thanh Hóa
Kéo dài: 12 phút 5 giây, từ 09:00:00 ngày 01/02/2021 đến 09:12:05 ngày 01/02/2021
Bằng chứng: độ trễ 4,2 ms trong một phút qua
Sự cố #17, nguyên nhân gốc: link-ham-rong""",
    )
    assert write(RESOLVED, story, STYLE, "vi", "sms").body == (
        "DA KHOI PHUC: Kenh Ham Rong. sau 12 phut 5 giay #17"
    )


def test_an_acknowledgement() -> None:
    story = replace(STORY, by="Trực VNPT", note="Đang ra hiện trường", now=START + 60)
    assert write(ACK, story, STYLE, "vi", "chat") == Text(
        "[ĐÃ NHẬN XỬ LÝ] Kênh Hàm Rồng (#17)",
        """\
Trực VNPT đã nhận xử lý lúc 09:01:00 ngày 01/02/2021
Ghi chú: Đang ra hiện trường
Thiết bị: Kênh Hàm Rồng (link-ham-rong)
Nơi: Khu cách ly Hàm Rồng, Thanh Hóa/TP Thanh Hóa
Sự cố #17, nguyên nhân gốc: link-ham-rong""",
    )


def test_a_reminder_and_an_update_say_what_they_are() -> None:
    reminder = write(NotificationKind.REPEAT, STORY, STYLE, "vi", "chat")
    assert reminder.subject.startswith("[NHẮC LẠI · NGHIÊM TRỌNG · KHẨN CẤP]")
    update = write(NotificationKind.UPDATE, replace(STORY, change="worse"), STYLE, "vi", "chat")
    assert update.body.startswith("Sự cố đã nặng lên: NGHIÊM TRỌNG\nMất kết nối")


def test_figures_of_a_link_that_is_bad_but_up() -> None:
    evidence = Evidence(loss_ratio={LINK.id: 0.0567}, rtt_s={LINK.id: 0.25})
    body = write(PAGE, replace(STORY, evidence=evidence), STYLE, "vi", "chat").body
    assert "Bằng chứng: mất gói 5,67 % trong một phút qua; độ trễ 250 ms trong một phút qua\n" in body


def test_without_a_public_address_there_is_no_link_and_a_removed_target_is_named_by_id() -> None:
    story = replace(STORY, inventory=province([]))
    text = write(PAGE, story, Style(STYLE.zone), "vi", "chat")
    assert text.subject == "[NGHIÊM TRỌNG · KHẨN CẤP] link-ham-rong: Mất kết nối tới link-ham-rong (#17)"
    assert "http" not in text.body


@pytest.mark.parametrize(
    ("duration_s", "vi", "en"),
    [
        (0, "0 giây", "0 s"),
        (59.6, "1 phút", "1 min"),
        (3661, "1 giờ 1 phút 1 giây", "1 h 1 min 1 s"),
        (172_800, "2 ngày", "2 d"),
    ],
)
def test_durations(duration_s: float, vi: str, en: str) -> None:
    assert (say_duration("vi", duration_s), say_duration("en", duration_s)) == (vi, en)


def test_large_figures_are_written_out() -> None:
    assert say_figure("en", 12_345.6, "ms") == "12346 ms"


def test_every_vietnamese_letter_has_a_plain_one() -> None:
    letters = "aăâeêioôơuưyđ"
    tones = "áàảãạắằẳẵặấầẩẫậéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵ"
    plain = strip_diacritics(letters + tones + letters.upper() + tones.upper())
    assert plain.isascii()
    assert "?" not in plain
    assert strip_diacritics("Đường truyền [Hàm Rồng]") == "Duong truyen (Ham Rong)"


@given(st.text(max_size=300), st.text(max_size=80), st.sampled_from(list(NotificationKind)))
def test_an_sms_is_one_plain_message_whatever_the_names_are(summary: str, name: str, kind: str) -> None:
    alert = replace(ALERT, annotations={"summary": summary})
    story = replace(STORY, alerts=(alert,), inventory=province([replace(LINK, name=name)]), by=name)
    story = replace(story, change="recovered" if kind is RESOLVED else "")
    body = write(NotificationKind(kind), story, STYLE, "vi", "sms").body
    assert len(body) <= SMS_LENGTH
    assert body.isascii()
    assert not set(body) & set("[]{}|\\^~`")
    assert " #17" in body
