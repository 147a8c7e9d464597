from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.builders import an_entry, an_organisation
from tests.parts import Site
from tests.referral.callers import bearer, calling

pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle")]
COMMITTEE = an_organisation("POLICE_A", "committee")
SHELTER = an_organisation("SHELTER_B", "shelter", "shelter")
KEEPER, FOCAL_POINT = ("POLICE_A", "operator"), ("SHELTER_B", "focal_point")
POST = {"post": "Permanence", "phone": "+22320000001"}


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """The first organisation of every site is a committee here."""
    async with calling(site, COMMITTEE, SHELTER) as opened:
        yield opened


def entry(**changes: Any) -> dict[str, Any]:
    return an_entry(SHELTER).model_dump(mode="json") | changes


async def put(
    client: httpx.AsyncClient,
    said: dict[str, Any],
    *,
    by: tuple[str, str] = KEEPER,
    code: str = "SHELTER_B",
    **headers: str,
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"entry": said, "why": "Night duty"}
    return await client.put(f"/referral/directory/{code}", json=body, headers=bearer(*by) | named)


async def see(client: httpx.AsyncClient, *by: str, code: str = "/SHELTER_B") -> httpx.Response:
    return await client.get(f"/referral/directory{code}", headers=bearer(*by))


async def test_an_entry_is_changed_on_the_version_that_was_seen_and_the_past_can_be_read(
    client: httpx.AsyncClient,
) -> None:
    seen = await see(client, *FOCAL_POINT)
    assert (seen.headers["ETag"], seen.json()["version"]) == ('"1"', 1)

    said = entry(name_fr="Foyer", units=[{"cercle": "1202", "contacts": [POST]}])
    changed = await put(client, said, If_Match='"1"')
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"'), changed.text
    late = await put(client, said | {"name_fr": "Abri"}, If_Match='"1"')
    assert (late.status_code, late.json()["code"]) == (412, "changed_meanwhile")

    history = (await see(client, *KEEPER, code="/SHELTER_B/versions")).json()["versions"]
    assert [(one["version"], one["entry"]["name_fr"], one["why"]) for one in history] == [
        (1, SHELTER.name_fr, "a test"),
        (2, "Foyer", "Night duty"),
    ]
    assert (history[1]["organisation"], history[1]["role"]) == KEEPER

    new = entry(code="CLINIC_N")
    first, again = [await put(client, new, code="CLINIC_N", If_None_Match="*") for _ in range(2)]
    assert (first.status_code, again.status_code) == (200, 412)
    found = (await see(client, *FOCAL_POINT, code="")).json()["organisations"]
    assert [one["entry"]["code"] for one in found] == ["CLINIC_N", "POLICE_A", "SHELTER_B"]


async def test_only_the_committees_operators_change_anything_and_few_see_posts(
    client: httpx.AsyncClient, site: Site
) -> None:
    for by in (("SHELTER_B", "operator"), ("POLICE_A", "focal_point"), FOCAL_POINT):
        assert (await put(client, entry(name_fr="x"), by=by, If_Match='"1"')).status_code == 403
        assert (await see(client, *by, code="/SHELTER_B/versions")).status_code == 403
    assert await site.rows("select count(*) from referral.organisation_versions") == [(2,)]

    await put(client, entry(units=[{"cercle": "1202", "contacts": [POST]}]), If_Match='"1"')
    for by, shown in (
        (FOCAL_POINT, False),
        (("POLICE_A", "officer"), False),
        (("SHELTER_B", "operator"), True),
        (KEEPER, True),
    ):
        for code in ("/SHELTER_B", ""):
            assert (POST["phone"] in (await see(client, *by, code=code)).text) == shown, by


async def test_what_cannot_be_kept_is_refused_by_field_and_rule(client: httpx.AsyncClient) -> None:
    wrong = [
        (entry(kind="hopital"), "entry.kind"),
        (entry(zones=["77"]), "entry"),
        (entry(units=[{"cercle": "0101"}]), "entry"),
        (entry(name_fr=""), "entry.name_fr"),
        (entry(code="OTHER"), "entry.code"),
        (entry(services=[{"service": "shelter", "age_min": 9, "age_max": 3}]), "entry.services.0"),
    ]
    for said, field in wrong:
        answer = await put(client, said, If_Match='"1"')
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert (await put(client, entry())).status_code == 428
    assert (await put(client, entry(), If_Match='"1"', If_None_Match="*")).status_code == 428
    assert (await put(client, entry(), If_Match="1")).status_code == 422
    assert (await see(client, *FOCAL_POINT, code="/NOBODY")).status_code == 404
    assert (await see(client, *KEEPER, code="/NOBODY/versions")).status_code == 404
