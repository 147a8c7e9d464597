"""An organisation hands its new keys in at a page, and the committee approves them; nobody believes them for that."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from contracts.handed_over import HandedOver, HandedOverRefused
from partners.kit import init
from services.referral.pages.directory import grouped
from tests.builders import an_organisation
from tests.parts import Site
from tests.people.address import BASE, Address, Browser, hidden, open_address, words
from tests.people.handed import (
    KEYS,
    WAITING,
    bring_back,
    countersigned,
    hand_in,
    new_keys,
    somebody,
    upload,
)
from tests.people.shared_address import DIRECTORY, shared_site

__all__ = ["shared_site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("people")]
at_one_address = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(shared_site: Site) -> AsyncIterator[Address]:
    async with open_address(shared_site, *DIRECTORY, an_organisation("COMITE", "committee")) as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def police(address: Address) -> AsyncIterator[Browser]:
    """The focal point of an organisation with keys."""
    async with somebody(address, "m.keita", "POLICE_A") as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def keeper(address: Address) -> AsyncIterator[Browser]:
    """Somebody of the committee."""
    async with somebody(address, "c.kone", "COMITE") as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def nothing_left(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Each test begins without keys that wait."""
    yield
    if "address" in request.fixturenames:
        site = request.getfixturevalue("address").site
        await site.run("truncate referral.handed_keys cascade")


async def state_of(address: Address) -> list[tuple[str, int]]:
    """How each set of keys stands, and how many acts are on record of it."""
    query = (
        "select state, (select count(*) from referral.handed_keys_acts a"
        " where a.handed_id = h.handed_id) from referral.handed_keys h order by handed_at"
    )
    return [(str(state), int(acts)) for state, acts in await address.site.rows(query)]


async def believed(address: Address, service: str, key: str) -> bool:
    query = f"select count(*) from {service}.organisation_keys where key = :key"
    return bool((await address.site.rows(query, key=key))[0][0])


@at_one_address
async def test_keys_are_handed_in_countersigned_elsewhere_and_approved(
    address: Address, police: Browser, keeper: Browser, tmp_path: Path
) -> None:
    file = new_keys(tmp_path / "new")
    document = HandedOver.read(file.read_bytes())
    shown = words(await hand_in(police, file.read_bytes()))
    assert "Elles sont remises. Rien n’a encore changé" in shown
    assert all(grouped(key.id) in shown for key in document.keys)
    assert "la signature d’un seul responsable de l’annuaire suffit" in shown
    assert "jusqu’ici : 0 sur 1" in shown

    listed = await keeper.get(WAITING)
    assert f'href="{WAITING}/POLICE_A"' in listed.text
    shown = words(await keeper.get(f"{WAITING}/POLICE_A"))
    assert all(grouped(key.id) in shown for key in document.keys)
    signed = await countersigned(keeper, tmp_path)
    shown = words(await bring_back(keeper, signed.read_bytes()))
    assert "approuvées attendent la personne qui fait fonctionner la plateforme" in shown
    assert await state_of(address) == [("approved", 2)]
    assert "Le comité les a approuvées" in words(await police.get(KEYS))
    for service in ("referral", "intake"):
        assert not await believed(address, service, document.sealing), "a page makes nobody believe"
    acts = await address.site.rows(
        "select act, organisation, role, person is not null from referral.handed_keys_acts order by number"
    )
    assert acts == [
        ("handed_in", "POLICE_A", "focal_point", True),
        ("approved", "COMITE", "focal_point", True),
    ]

    await _taken_up(address, document)
    assert "valable depuis le" in words(await keeper.get(f"{WAITING}/POLICE_A"))
    assert "Aucune n’attend" in words(await keeper.get(WAITING))
    shown = words(await police.get(KEYS))
    assert "Dernières clés remises" not in shown
    assert grouped(document.keys[1].id) in shown
    await _over(address, keeper, document)


async def _over(address: Address, keeper: Browser, document: HandedOver) -> None:
    """As where others were taken up from a file since then: nothing of them waits any more."""
    await address.site.run(
        "update referral.organisation_keys set valid_until = now() where key in (:one, :other)",
        one=document.signing, other=document.sealing,
    )  # fmt: skip
    assert f'href="{WAITING}/POLICE_A"' not in (await keeper.get(WAITING)).text
    shown = words(await keeper.get(f"{WAITING}/POLICE_A"))
    assert ("terminée" in shown, "attendent la personne" in shown) == (True, False)


async def _taken_up(address: Address, document: HandedOver) -> None:
    """As `siraba partner rotate` leaves it; tests/deploy/test_partner_command.py does so itself."""
    now = datetime.now(UTC)
    for key in document.keys:
        await address.site.run(
            "insert into referral.organisation_keys (key, owner, use, valid_from)"
            " values (:key, :owner, :use, :at)",
            key=key.key, owner=key.owner, use=key.use, at=now,
        )  # fmt: skip


@at_one_address
async def test_a_private_key_is_refused_and_lies_nowhere(
    address: Address, police: Browser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    new_keys(tmp_path / "new")
    found = {name: (tmp_path / "new" / name).read_bytes() for name in ("signing.key", "sealing.key", "nkey.seed")}  # fmt: skip
    for name, content in found.items():
        for sent in (content, json.dumps({"code": "POLICE_A", "nkey": content.decode()}).encode()):
            shown = await hand_in(police, sent)
            assert (shown.status_code, "contient une clé privée" in words(shown)) == (422, True), (
                name
            )
    lines = [line for content in found.values() for line in content.decode().split()]
    secrets = [line for line in lines if len(line) > 20]
    assert len(secrets) == len(found)
    assert await state_of(address) == []
    assert await tables_with(address, secrets) == []
    assert not [one for one in secrets if one in caplog.text]


async def tables_with(address: Address, secrets: Sequence[str]) -> list[str]:
    """The tables of the service in which any of these lies."""
    query = "select table_name from information_schema.tables where table_schema = 'referral'"
    found = []
    for (table,) in await address.site.rows(query):
        held = await address.site.rows(f"select t::text from referral.{table} t")
        found += [table for (row,) in held for one in secrets if one in row]
    return found


@at_one_address
async def test_what_is_no_new_key_of_the_organisation_itself_is_named(
    address: Address, police: Browser, tmp_path: Path
) -> None:
    own = json.loads(new_keys(tmp_path / "new").read_text())
    other = json.loads(new_keys(tmp_path / "other", "SHELTER_B", renewed=False).read_text())
    wrong = (
        (b"", "Choisissez d’abord le fichier"),
        (b"\xff\xfe", "Ce n’est pas un fichier public.json"),
        (json.dumps(own | {"note": "x"}), "Ce n’est pas un fichier public.json"),
        (json.dumps(own | {"signing": "AQ"}), "Ce n’est pas un fichier public.json"),
        (json.dumps(other), "Ce sont les clés d’une autre organisation"),
        (json.dumps(own | {"sealing": other["sealing"]}), "ne correspond pas à ses clés"),
        (b" " * 20_000 + json.dumps(own).encode(), "Ce n’est pas un fichier public.json"),
    )
    for content, told in wrong:
        shown = await hand_in(police, content)
        assert (shown.status_code, told in words(shown)) == (422, True), told
    await _taken_up(address, HandedOver.model_validate(own))
    assert "connaît déjà ces clés" in words(await hand_in(police, json.dumps(own)))
    assert await state_of(address) == []


@at_one_address
async def test_a_key_that_was_swapped_on_the_way_back_is_refused(
    address: Address, police: Browser, keeper: Browser, tmp_path: Path
) -> None:
    await hand_in(police, new_keys(tmp_path / "new").read_bytes())
    for told, content in (await swapped(keeper, tmp_path)).items():
        shown = await bring_back(keeper, content)
        assert (shown.status_code, told in words(shown)) == (422, True), told
    assert await state_of(address) == [("waiting", 1)]


async def swapped(keeper: Browser, tmp_path: Path) -> dict[str, str]:
    """What a thief between the officer and the platform would bring back, by what is told."""
    thief = new_keys(tmp_path / "thief", renewed=False)
    signed = json.loads((await countersigned(keeper, tmp_path)).read_text())
    word = signed["countersignatures"]
    bare = {name: text for name, text in signed.items() if name != "countersignatures"}
    return {
        "d’autres clés": json.dumps(json.loads(thief.read_text()) | {"countersignatures": word}),
        "aucune nouvelle signature": json.dumps(bare),
        "Ce n’est pas un fichier": json.dumps(
            signed | {"countersignatures": {"signing": word["signing"]}}
        ),
    }


@at_one_address
async def test_keys_that_nothing_of_the_owners_has_signed_need_two_officers(
    address: Address, police: Browser, keeper: Browser, tmp_path: Path
) -> None:
    shown = words(await hand_in(police, new_keys(tmp_path / "new", renewed=False).read_bytes()))
    assert "deux responsables de l’annuaire doivent" in shown
    first = await countersigned(keeper, tmp_path)
    assert "jusqu’ici : 1 sur 2" in words(await bring_back(keeper, first.read_bytes()))
    again = await bring_back(keeper, first.read_bytes())
    assert "aucune nouvelle signature" in words(again), "one officer twice"
    second = await countersigned(keeper, tmp_path, by="SECOND_OFFICER")
    assert "approuvées" in words(await bring_back(keeper, second.read_bytes()))
    assert await state_of(address) == [("approved", 3)]


@at_one_address
async def test_only_the_committee_judges_and_nobody_learns_who_waits(
    address: Address, police: Browser, keeper: Browser, tmp_path: Path
) -> None:
    await hand_in(police, new_keys(tmp_path / "new").read_bytes())
    signed = (await countersigned(keeper, tmp_path)).read_bytes()
    guard = hidden(await keeper.get(f"{WAITING}/POLICE_A"), f"{WAITING}/POLICE_A")
    own = hidden(await police.get(KEYS), KEYS)
    answers = []
    for code in ("POLICE_A", "NOBODY"):
        for path in ("", "/document"):
            assert (await police.get(f"{WAITING}/{code}{path}")).status_code == 403
        for path, files in (("", {"file": ("public.json", signed)}), ("/refusal", None)):
            said = guard | {"session_form": own["session_form"], "why": "Non."}
            at = f"{WAITING}/{code}{path}"
            headers = {"origin": BASE}
            answers.append(await police.client.post(at, data=said, files=files, headers=headers))
    answers += [await keeper.get(f"{WAITING}/{code}") for code in ("SHELTER_B", "NOBODY")]
    assert {one.status_code for one in answers} == {404}
    assert len({one.content for one in answers[:4]}) == len({a.content for a in answers[4:]}) == 1
    assert await state_of(address) == [("waiting", 1)]


@at_one_address
async def test_whoever_handed_keys_in_does_not_approve_them(
    address: Address, keeper: Browser, tmp_path: Path
) -> None:
    await hand_in(keeper, new_keys(tmp_path / "new", "COMITE").read_bytes())
    signed = await countersigned(keeper, tmp_path, "COMITE")
    shown = await bring_back(keeper, signed.read_bytes(), "COMITE")
    assert (shown.status_code, "une autre personne du comité" in words(shown)) == (422, True)
    async with somebody(address, "a.toure", "COMITE") as other:
        assert "approuvées" in words(await bring_back(other, signed.read_bytes(), "COMITE"))


@at_one_address
async def test_each_form_counts_once_and_a_refusal_says_why(
    address: Address, police: Browser, keeper: Browser, tmp_path: Path
) -> None:
    first, second = (new_keys(tmp_path / name).read_bytes() for name in ("one", "two"))
    page = await police.get(KEYS)
    await asyncio.gather(*(upload(police, page, KEYS, first) for _ in range(2)))
    assert await state_of(address) == [("waiting", 1)]
    other = await upload(police, page, KEYS, second)
    assert (other.status_code, "le premier envoi compte" in words(other)) == (409, True)

    at = f"{WAITING}/POLICE_A"
    old = await keeper.get(at)
    assert "prend la place de ce qui attend" in words(await police.get(KEYS))
    await hand_in(police, second)
    assert await state_of(address) == [("replaced", 2), ("waiting", 1)]
    passed = await keeper.press(old, f"{at}/refusal", why="Trop tôt")
    assert (passed.status_code, "entre-temps" in words(passed)) == (409, True)
    page = await keeper.get(at)
    assert "Dites pourquoi" in words(await keeper.press(page, f"{at}/refusal", why=" "))
    for _ in range(2):
        await keeper.press(page, f"{at}/refusal", why="Numéros  différents au téléphone")
    assert await state_of(address) == [("replaced", 2), ("refused", 2)]
    assert "refusées : Numéros différents au téléphone" in words(await police.get(KEYS))


def test_a_document_is_the_same_after_it_was_kept(tmp_path: Path) -> None:
    document = HandedOver.read(new_keys(tmp_path / "new").read_bytes())
    assert HandedOver.read(document.write().encode()) == document
    assert document.is_proven
    init(tmp_path / "other", code="POLICE_A")
    for name in ("signing.key", "nkey.seed"):
        with pytest.raises(HandedOverRefused, match="private"):
            HandedOver.read((tmp_path / "other" / name).read_bytes())
