"""Without the memory of forms a double tap has two effects, without its check a child's own yes stands."""

from typing import Any

import pytest

from chassis.web import keeping
from services.intake.pages import acting
from services.intake.use_cases import cutting, hearing_consent, recounting
from services.referral.store import forms
from tests.people.address import Address, Browser, words
from tests.people.shared_address import address, shared_site
from tests.people.test_case_pages import READS, STEP, accepted, announced, filing, over, said_twice
from tests.people.test_late_forms import AGAIN, TYPED, filled, late
from tests.people.test_own_cases import decided, owner, pressed_twice, registered, shelter, told

__all__ = ["address", "owner", "shared_site", "shelter"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("people"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip


async def test_without_the_memory_of_forms_a_double_tap_plans_twice(
    owner: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def always(*_: Any) -> bool:
        return True

    monkeypatch.setattr(acting, "comes_first", always)
    at = await registered(owner)
    plan = {"return_type": "internal", "is_voluntary": "yes", "is_risk_assessed": "no"}
    await pressed_twice(owner, at, "returns", planned_for="2026-11-20", **plan)
    assert await told(owner.address, at, "return.planned") == ["return.planned"] * 2


async def test_without_the_question_what_it_opens_a_childs_own_yes_is_recorded(
    owner: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = await registered(owner, age_band="12-14", authority="guardian")
    asked = await owner.get(f"{at}/consent")
    monkeypatch.setattr(hearing_consent, "require_carried", lambda *_, **__: None)
    own = {"authority": "person", "consent_health": "given"}
    heard = await owner.press(asked, f"{at}/consent", **own)
    assert "C’est enregistré." in words(heard)
    # Its protection too, where the help that the law has asked for is already on the way.
    assert ("health", "care", "given") in await decided(owner.address, at)


async def test_where_everybody_is_one_person_a_colleague_reads_what_an_owner_typed(
    owner: Browser, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_person", lambda _: {})
    at = await registered(owner)
    kept = await late(owner, await owner.get(at), f"{at}/closing", **TYPED["closing"])
    async with address.browser() as colleague:
        await colleague.arrive("d.keita", organisation="POLICE_A", role="focal_point")
        read = await colleague.send(AGAIN, kept=kept)
    assert filled(read, f"{at}/closing") == TYPED["closing"]


async def test_without_the_policy_asked_anew_a_desk_whose_work_is_over_seems_to_read_on(
    owner: Browser, shelter: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = cutting.cut_for

    def as_before(*given: Any, at: Any, **_: Any) -> Any:
        return judged(*given, stage="accepted", at=at)

    monkeypatch.setattr(recounting, "cut_for", as_before)
    at = await registered(owner)
    await over(shelter, await accepted(shelter, at))
    assert READS in words(await owner.get(f"{at}/told"))


async def test_without_the_memory_of_forms_a_double_tap_tells_of_a_step_twice(
    owner: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(forms, "claim", never)
    at, path = await filing(owner)
    await said_twice(owner, path, **STEP)
    # The second may have found the first, or have come with it.
    assert len(await announced(owner, at)) == 2
