"""Letters that say that something waits, by mail, by SMS, and into a folder."""

import stat
from pathlib import Path
from uuid import UUID

import pytest

from chassis.notify import Carriers, Letter, Mail, NotCarried, Sms, Spool, spooled, words
from tests.postboxes import mail_server, sms_gateway

pytestmark = pytest.mark.share("lifecycle")
ID = UUID("0190b2c4-0000-4000-8000-000000000001")
MAIL = Letter(ID, "email", "permanence@siraba.example", "fr")
SMS = Letter(ID, "sms", "+22366000000", "en")
FRENCH, ENGLISH = "Siraba: une demande vous attend", "Siraba: a request is waiting for you"


def test_the_sentence_is_the_same_for_everything() -> None:
    assert (words("fr"), words("en")) == (FRENCH, ENGLISH)
    assert MAIL.text == FRENCH
    assert len(FRENCH) <= 160, "one SMS"


async def test_mail_is_taken_over_with_its_id_and_nothing_but_the_sentence() -> None:
    async with mail_server() as server:
        carrier = Mail.at(f"smtp://127.0.0.1:{server.port}", sender="siraba@example.org")
        await carrier.carry(MAIL)
        await carrier.carry(MAIL)
        first, again = server.mails

    assert first["Message-ID"] == again["Message-ID"] == f"<{ID}@siraba>"
    assert (first["To"], first["From"]) == (MAIL.address, "siraba@example.org")
    assert first["Subject"] == FRENCH
    assert first.as_string().splitlines()[-1] == FRENCH


async def test_an_sms_is_posted_with_its_id_and_nothing_but_the_sentence() -> None:
    async with sms_gateway() as gateway:
        await Sms(gateway.url, "secret").carry(SMS)
        (raw,) = gateway.raw
        (message,) = gateway.messages

    assert message == {"id": str(ID), "to": SMS.address, "text": ENGLISH}
    assert f"idempotency-key: {ID}".encode() in raw.lower()
    assert b"authorization: bearer secret" in raw.lower()


@pytest.mark.parametrize(
    ("answer", "reason"), [(b"550 no", "refused"), (b"451 later", "unreachable")]
)
async def test_a_mail_server_refuses_for_good_or_for_now(answer: bytes, reason: str) -> None:
    async with mail_server() as server:
        server.answer = answer
        carrier = Mail.at(f"smtp://127.0.0.1:{server.port}", sender="siraba@example.org")
        with pytest.raises(NotCarried, match=reason):
            await carrier.carry(MAIL)


async def test_an_address_that_nobody_has_is_refused_and_not_repeated_in_the_error() -> None:
    async with mail_server() as server:
        server.refused.add(MAIL.address)
        carrier = Mail.at(f"smtp://127.0.0.1:{server.port}", sender="siraba@example.org")
        with pytest.raises(NotCarried) as caught:
            await carrier.carry(MAIL)

    assert caught.value.reason == "refused"
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("status", "reason"),
    [(400, "refused"), (422, "refused"), (401, "unreachable"), (429, "unreachable"),
     (503, "unreachable")],
)  # fmt: skip
async def test_a_gateway_refuses_for_good_or_for_now(status: int, reason: str) -> None:
    async with sms_gateway() as gateway:
        gateway.status = status
        with pytest.raises(NotCarried, match=reason):
            await Sms(gateway.url).carry(SMS)


async def test_who_does_not_answer_is_unreachable() -> None:
    async with mail_server() as server, sms_gateway() as gateway:
        closed = server.port, gateway.url
    for carrier, letter in (
        (Mail.at(f"smtp://127.0.0.1:{closed[0]}", sender="siraba@example.org"), MAIL),
        (Sms(closed[1]), SMS),
    ):
        with pytest.raises(NotCarried, match="unreachable"):
            await carrier.carry(letter)


async def test_what_has_no_carrier_is_kept_for_the_service_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "secrets" / "notices")
    async with sms_gateway() as gateway:
        carriers = Carriers(spool, {"sms": Sms(gateway.url)})
        for letter in (MAIL, MAIL, SMS):
            await carriers.carry(letter)
        assert len(gateway.raw) == 1

    (path,) = spool.folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(spool.folder.stat().st_mode) == 0o700
    ((_, kept),) = spooled(spool.folder)
    assert kept == MAIL
    assert FRENCH in path.read_text("utf-8")


async def test_a_folder_that_takes_nothing_is_unreachable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotCarried, match="unreachable"):
        await Spool(tmp_path / "file" / "notices").carry(MAIL)


def test_no_address_travels_in_the_clear_over_a_line() -> None:
    assert Mail.at("smtps://u:p%40ss@mail.example", sender="s@example.org").implicit_tls
    assert Mail.at("smtps://u:p%40ss@mail.example", sender="s@example.org").password == "p@ss"
    assert "p@ss" not in repr(Mail.at("smtps://u:p%40ss@mail.example", sender="s@example.org"))
    for wrong in ("http://mail.example", "smtp://", "mail.example"):
        with pytest.raises(ValueError, match="smtp_url"):
            Mail.at(wrong, sender="s@example.org")
    for wrong in ("http://gateway.example/sms", "ftp://gateway.example", "https://"):
        with pytest.raises(ValueError, match="sms_url"):
            Sms.at(wrong, token=None)
    assert Sms.at("https://gateway.example/sms", token=None).token is None
