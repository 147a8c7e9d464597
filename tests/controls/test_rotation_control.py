"""That the rotation campaign's checks see a key that was thrown away, and one judged too late."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes
from uuid import uuid4

import pytest

from contracts.envelope import Envelope, encode_headers
from contracts.feed import DossierDisclosed, FeedTrimmed
from contracts.keyring import Keyring, PublicKey
from contracts.sealing import Place, seal
from contracts.topology import out_subject
from partners.kit import Keys, init
from services.intake.vault import MonthlyKeys
from tests.signing import public_key, signed
from tests.trust.key_checks import shut_in_the_feed, unvouched
from tests.trust.key_turns import MONTH, SEALED_IN, WORDS, shut
from tests.trust.streams import Stored

pytestmark = pytest.mark.share("sealed")
CODE = "SHELTER_A"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def disclosed(to: Keys) -> Stored:
    """One dossier in the feed, sealed to these keys."""
    public = PublicKey(owner=CODE, use="sealing", key=to.public()["sealing"], valid_from=NOW)
    id = uuid4()
    message = DossierDisclosed(
        referral_id=uuid4(),
        sections=("identity",),
        ground="consent",
        policy_version="x",
        sealed=seal(WORDS, Place(str(id), CODE, "pseudonym", ("identity",)), keys=[public]),
    )
    envelope = Envelope(id=id, source="/siraba/intake", type=message.ce_type(), subject="pseudonym")
    return Stored(
        sequence=1,
        subject=out_subject(CODE, message.name, message.version),
        headers=encode_headers(envelope),
        body=message.encode(),
        at=NOW,
    )


def test_a_partner_that_throws_its_old_sealing_key_away_loses_what_was_under_way(
    tmp_path: Path,
) -> None:
    old, new = (init(tmp_path / name, code=CODE) for name in ("old", "new"))
    feed = [disclosed(old), disclosed(new)]

    assert shut_in_the_feed(feed, replace(new, earlier=(old.sealing,))) == []
    assert shut_in_the_feed(feed, new) == [feed[0].id]


def test_a_month_whose_private_half_is_gone_too_early_loses_what_was_sealed_to_it(
    tmp_path: Path,
) -> None:
    months = MonthlyKeys(tmp_path / "months", token_bytes)
    months.renew(NOW)
    current = Keyring(months.public_keys()).current("intake", use="sealing", at=NOW)
    letters = [(seal(WORDS, SEALED_IN, keys=current), NOW)]

    assert shut(letters, months, at=NOW + MONTH) == []
    (tmp_path / "months" / "2026-11.key").unlink()
    assert len(shut(letters, months, at=NOW + MONTH)) == 1


def test_judged_at_now_and_not_at_its_own_time_an_old_message_is_nobodys() -> None:
    message = FeedTrimmed(numbers=(1,))
    subject = out_subject(CODE, message.name, message.version)
    envelope = Envelope(id=uuid4(), source="/siraba/referral", type=message.ce_type(), subject=CODE)
    headers = signed(encode_headers(envelope), message.encode(), subject=subject)
    old = Stored(sequence=1, subject=subject, headers=headers, body=message.encode(), at=NOW)
    key = public_key("referral").model_copy(update={"valid_until": NOW + timedelta(days=7)})
    keys = Keyring([key])

    assert unvouched([old], keys, kind="event") == {}
    assert unvouched([old], keys, kind="event", at=NOW + timedelta(days=8)) == {
        old.id: "key_expired"
    }
