"""That the bench's controls lack what they say they lack, and that nothing else takes them for whole."""

import pytest

from chassis.assembly import Assembly, Parts, assemble
from contracts.envelope import SIGNATURE, Rejected
from contracts.sealing import Place, SealingRefused, open_sealed, seal
from tests.bench.clear import read_clear, write_clear
from tests.builders import a_case, a_raw, event_headers, event_subject
from tests.contracts.letters import SEALING_KEY, public
from tests.controls.unsealed import assemble_unsigned
from tests.parts import Site

pytestmark = pytest.mark.share("sealed")
PLACE = Place("m-1", "SHELTER_A", "case-1", ("identity",))
KEY = public(SEALING_KEY, owner="SHELTER_A", use="sealing")
CONTENT = b'{"identity":{"prs_FirstName":"Kanu"}}'


def test_what_the_control_seals_anybody_can_read_and_nobody_takes_for_sealed() -> None:
    clear = write_clear(CONTENT, PLACE, keys=[KEY])

    assert read_clear(clear) == CONTENT
    with pytest.raises(SealingRefused):
        open_sealed(clear, PLACE, keys={KEY.id: SEALING_KEY})


def test_a_run_with_seals_cannot_pass_for_one_without() -> None:
    with pytest.raises(ValueError, match="sealed"):
        read_clear(seal(CONTENT, PLACE, keys=[KEY]))


async def test_the_control_believes_what_the_product_refuses(site: Site) -> None:
    event, case_id = a_case(), "6f5c1d5e-2f0f-4c39-9b58-7b1f3c1c7a11"
    headers = event_headers(event, case_id=case_id, number=1) | {SIGNATURE: ""}
    raw = a_raw(body=event.encode(), headers=headers, subject=event_subject(event, case_id))
    whole, bare = (parts_of(make, site) for make in (assemble, assemble_unsigned))

    with pytest.raises(Rejected, match="unsigned"):
        whole.trust.check(raw)
    bare.trust.check(raw)
    bare.trust_of_partners.check(raw)


async def test_the_control_signs_nothing_and_the_product_does(site: Site) -> None:
    signed, bare = (
        parts_of(make, site).relay.stamper.signer().sign(b"said", kind="event")
        for make in (assemble, assemble_unsigned)
    )

    assert signed.startswith("siraba-1.")
    assert bare == ""


def parts_of(make: Assembly, site: Site) -> Parts:
    return make("referral", site.settings("referral"), source="/siraba/referral")
