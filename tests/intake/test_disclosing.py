from collections.abc import AsyncIterator
from hashlib import sha256
from uuid import uuid4

import pytest

from contracts.feed import DossierDisclosed
from contracts.referral import ReferralDelivered, ReferralEvent, ReferralNotDelivered
from tests.intake.rooms import SHELTER, YES, Room, groups_of, open_room
from tests.parts import Site, until

pytestmark = pytest.mark.share("sealed")


@pytest.fixture
async def room(site: Site) -> AsyncIterator[Room]:
    async with open_room(site) as opened:
        yield opened


async def test_an_acceptance_releases_what_its_recipient_may_know_sealed_to_its_key(
    room: Room,
) -> None:
    case = await room.register()
    referral_id = await room.accepted(case)

    ((envelope, message),) = await room.feed()

    assert isinstance(message, DossierDisclosed)
    assert (message.referral_id, message.ground) == (referral_id, "consent")
    assert groups_of(room.opened(envelope, message)) == "G2 G3 G5 G6 G7"
    assert message.sections == (
        "exploitation", "identity", "medical", "psychosocial", "safe_place"
    )  # fmt: skip
    assert envelope.correlation_id == str(referral_id)
    assert envelope.subject != str(case.id)
    assert envelope.causation_id is None


async def test_nothing_travels_before_the_acceptance(room: Room) -> None:
    await room.register()

    assert await room.feed() == []
    assert await room.desk.count("disclosures") == 0


async def test_the_receipt_says_who_what_on_which_ground_and_the_digest_of_the_exact_bytes(
    room: Room,
) -> None:
    case = await room.register()
    referral_id = await room.accepted(case)
    await room.feed()

    ((receipt_id, organisation, stage, version, fields, digest),) = await room.site.rows(
        "select receipt_id, organisation, stage, policy_version, fields, digest"
        " from intake.disclosures where referral_id = :id",
        id=referral_id,
    )
    ((body, sequence),) = await room.site.rows(
        "select body, stream_sequence from intake.outbox where id = :id", id=receipt_id
    )
    assert (organisation, stage, bool(version)) == (SHELTER, "accepted", True)
    assert "identity.full_name" in fields
    assert "exploitation.suspect_name" not in fields
    assert digest == sha256(body).digest()
    assert sequence is not None


async def test_the_receipt_is_an_event_in_codes_only(room: Room) -> None:
    case = await room.register()
    await room.accepted(case)

    ((body,),) = await room.site.rows(
        "select convert_from(body, 'UTF8') from intake.outbox where name = 'dossier.released'"
    )
    assert '"form":"sealed"' in body
    assert "canary" not in body


async def test_where_nothing_is_allowed_nothing_travels_and_the_receipt_says_so(
    room: Room,
) -> None:
    case = await room.register(consent=[{"recipient_kind": "health", **YES}])
    referral_id = await room.accepted(case)

    assert await room.feed() == []
    assert await room.receipts(referral_id) == [("nothing", None, [], True)]


async def test_without_a_key_in_the_directory_nothing_travels(room: Room) -> None:
    await room.site.run("delete from intake.organisation_keys where use = 'sealing'")
    referral_id = await room.accepted(await room.register())

    assert await room.feed() == []
    assert await room.receipts(referral_id) == [("nothing", None, [], True)]


async def test_what_another_ground_carries_is_a_message_of_its_own(room: Room) -> None:
    case = await room.register(grounds=[{"ground": "vital_interest", "recipient_kind": "shelter"}])
    await room.accepted(case)

    found = await room.feed()

    shown = {
        message.ground: groups_of(room.opened(envelope, message))
        for envelope, message in found
        if isinstance(message, DossierDisclosed)
    }
    assert shown == {"vital_interest": "G2 G5 G7", "consent": "G3 G6"}


async def test_a_later_yes_opens_more_to_those_who_have_accepted(room: Room) -> None:
    case = await room.register(consent=[])
    await room.accepted(case)
    assert await room.feed() == []

    answer = await room.post(f"/cases/{case.number}/consents", {"recipient_kind": "shelter", **YES})

    assert answer.status_code == 201
    ((envelope, message),) = await room.feed()
    assert isinstance(message, DossierDisclosed)
    assert groups_of(room.opened(envelope, message)) == "G2 G3 G5 G6 G7"


async def test_a_childs_own_yes_opens_nothing(room: Room) -> None:
    case = await room.register(age_band="12-14", consent=[{"recipient_kind": "shelter", **YES}])
    referral_id = await room.accepted(case)

    assert await room.receipts(referral_id) == [("nothing", None, [], True)]


class TestADesk:
    @pytest.fixture
    async def desk_room(self, room: Room) -> Room:
        await room.knows(SHELTER, "shelter", "desk")
        return room

    async def test_gets_no_message_but_looks_it_up_and_each_look_is_on_record(
        self, desk_room: Room
    ) -> None:
        case = await desk_room.register()
        referral_id = await desk_room.accepted(case)

        looks = [await desk_room.desk.get(f"/disclosures/{referral_id}", SHELTER) for _ in (1, 2)]

        assert await desk_room.feed() == []
        assert [one.status_code for one in looks] == [200, 200]
        assert groups_of(looks[0].json()["sections"]) == "G2 G3 G5 G6 G7"
        assert looks[0].headers["cache-control"] == "no-store"
        assert await desk_room.desk.count("openings") == 2
        ((shown, case_id),) = await desk_room.site.rows(
            "select sum(shown), max(case_id::text) from intake.audit where action = 'dossier.opened'"
        )
        assert (shown, case_id) == (2, str(case.id))

    async def test_another_organisation_finds_nothing_there(self, desk_room: Room) -> None:
        referral_id = await desk_room.accepted(await desk_room.register())

        for code, identity in (("POLICE_A", referral_id), (SHELTER, uuid4())):
            answer = await desk_room.desk.get(f"/disclosures/{identity}", code)
            assert answer.status_code == 404
            assert "canary" not in answer.text

    async def test_is_shown_nothing_once_consent_is_withdrawn_and_confirms_it(
        self, desk_room: Room
    ) -> None:
        case = await desk_room.register()
        referral_id = await desk_room.accepted(case)

        answer = await desk_room.withdraw(case, recipient_kind="shelter")

        assert answer.json()["told"] == [SHELTER]
        look = (await desk_room.desk.get(f"/disclosures/{referral_id}", SHELTER)).json()
        assert look["sections"] == {}
        assert look["to_acknowledge"] == [answer.json()["decision_id"]]
        body = {
            "withdrawal_id": answer.json()["decision_id"],
            "referral_id": str(referral_id),
        }
        assert (await desk_room.post("/acknowledgements", body, SHELTER)).status_code == 204
        assert (await desk_room.post("/acknowledgements", body, "POLICE_A")).status_code == 404
        look = (await desk_room.desk.get(f"/disclosures/{referral_id}", SHELTER)).json()
        assert look["to_acknowledge"] == []

    @pytest.mark.parametrize(
        ("over", "said"),
        [(ReferralDelivered, {}), (ReferralNotDelivered, {"reason": "no_show"})],
    )
    async def test_is_shown_nothing_once_the_referral_is_over(
        self, desk_room: Room, over: type[ReferralEvent], said: dict[str, str]
    ) -> None:
        case = await desk_room.register()
        referral_id = await desk_room.accepted(case)
        event = over.model_validate(
            {
                "referral_id": referral_id,
                "organisation": SHELTER,
                "organisation_kind": "shelter",
                "service": "shelter",
                **said,
            }
        )
        await desk_room.says(case, event)

        async def is_closed() -> bool:
            look = await desk_room.desk.get(f"/disclosures/{referral_id}", SHELTER)
            return bool(look.json()["sections"] == {})

        await until(is_closed)
