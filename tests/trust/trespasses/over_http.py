"""Attempts over HTTP at what is another's: its cases, its dossiers, its pages, its sessions."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
from joserfc import jws
from joserfc.jwk import OctKey

from chassis.web.session import SESSION_TYPE
from tests.journeys.cases import CANARY
from tests.trust.trespasses.visits import Visit
from tests.trust.trespasses.with_tokens import part


async def comes_without_a_token(here: Visit) -> bool:
    paths = ("/intake/cases", f"/intake/cases/{here.number}", "/referral/referrals")
    answers = [await here.road.http.get(path) for path in (*paths, "/reporting/figures")]
    answers += [await here.road.http.get(f"{path}?token={here.token()}") for path in paths]
    return any(answer.is_success for answer in answers)


async def looks_at_anothers_case(here: Visit) -> bool:
    paths = ("", "/dossier", "/consents", "/dossier?section=identity")
    answers = [await here.asks("GET", f"/intake/cases/{here.number}{path}") for path in paths]
    return any(answer.is_success or CANARY in answer.text for answer in answers)


async def finds_anothers_case_among_its_own(here: Visit) -> bool:
    """And learns by it that the number exists: what is not there must look the same."""
    mine = await here.asks("GET", "/intake/cases")
    there = await here.asks("GET", f"/intake/cases/{here.number}")
    nowhere = await here.asks("GET", "/intake/cases/ML-01-2026-000000-0")
    return here.number in mine.text or there.text != nowhere.text


async def decides_about_anothers_case(here: Visit) -> bool:
    place, by = f"/intake/cases/{here.number}", {"by": "person"}
    line = {"recipient_kind": "police", "state": "given", **by}
    answers = [
        await here.asks("POST", f"{place}/consents", json=line),
        await here.asks("POST", f"{place}/consents/withdrawals", json=by),
        await here.asks("POST", f"{place}/grounds", json={"ground": "court_order"}),
    ]
    return any(answer.is_success for answer in answers)


async def erases_anothers_case(here: Visit) -> bool:
    focal = here.token(role="focal_point", person="p1")
    officer = here.token(role="data_officer", person="p2")
    body = {"reason": "person_asks"}
    asked = await here.asks("POST", f"/intake/cases/{here.number}/erasure", focal, json=body)
    agreed = await here.asks("POST", f"/intake/erasures/{uuid4()}/confirmation", officer)
    return asked.is_success or agreed.is_success


async def opens_anothers_disclosure(here: Visit) -> bool:
    answer = await here.asks("GET", f"/intake/disclosures/{here.referral}")
    return answer.is_success or CANARY in answer.text


async def confirms_a_withdrawal_for_another(here: Visit) -> bool:
    body = {"referral_id": here.referral, "withdrawal_id": str(uuid4())}
    return (await here.asks("POST", "/intake/acknowledgements", json=body)).is_success


async def breaks_the_glass_alone(here: Visit) -> bool:
    """Asks, agrees itself under another name, and looks."""
    first, second = (here.token(role="focal_point", person=p) for p in ("p1", "p2"))
    body = {"case_number": here.number, "reason": "life_in_danger", "groups": ["G2"]}
    asked = await here.asks("POST", "/intake/exceptions", first, json=body)
    if asked.is_success:
        place = f"/intake/exceptions/{asked.json()['exception_id']}/confirmation"
        if (await here.asks("POST", place, second)).is_success:
            return True
    seen = await here.asks("GET", f"/intake/cases/{here.number}/dossier", first)
    return seen.is_success or CANARY in seen.text


async def merges_anothers_cases(here: Visit) -> bool:
    place, body = f"/intake/duplicates/{uuid4()}", {"same_person": True}
    answers = [
        await here.asks("PUT", f"{place}/decision", json=body),
        await here.asks("POST", f"{place}/unmerge", json={}),
    ]
    return any(answer.is_success for answer in answers)


async def enters_by_a_link_that_is_over(here: Visit) -> bool:
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    links = (here.token(now=hour_ago), here.token(organisation=here.other), "x")
    return any([await _enters(here, token) for token in links])


async def opens_anothers_dossier_page(here: Visit) -> bool:
    async with _browser(here) as browser:
        await browser.get("/intake/enter", params={"token": here.token()})
        page = await browser.get(f"/intake/dossiers/{here.referral}")
        listed = await browser.get("/intake/")
    return page.is_success or CANARY in page.text or here.referral in listed.text


async def lets_another_site_post_its_form(here: Visit) -> bool:
    """A browser adds the cookie by itself; the form's own token it cannot add."""
    async with _browser(here) as browser:
        await browser.get("/intake/enter", params={"token": here.token()})
        place = f"/intake/dossiers/{here.referral}/withdrawals/{uuid4()}"
        forms: tuple[dict[str, str], ...] = ({}, {"session_form": ""}, {"session_form": "0" * 64})
        answers = [await browser.post(place, data=form) for form in forms]
    return any(answer.status_code < 400 for answer in answers)


async def forges_a_session(here: Visit) -> bool:
    header = {"alg": "HS256", "typ": SESSION_TYPE}
    end = int(datetime.now(UTC).timestamp()) + 3600
    claims = {"org": here.other, "role": "officer", "aud": "intake", "exp": end}
    secret = OctKey.import_key(b"0" * 32)
    unsigned = f"{part({**header, 'alg': 'none'})}.{part(claims)}."
    forged = (jws.serialize_compact(header, json.dumps(claims), secret, ["HS256"]), unsigned)
    for cookie in (*forged, here.token(organisation=here.other)):
        page = await here.road.http.get("/intake/", headers={"Cookie": f"siraba_intake={cookie}"})
        if page.is_success:
            return True
    return False


async def takes_its_session_to_another_service(here: Visit) -> bool:
    async with _browser(here) as browser:
        await browser.get("/intake/enter", params={"token": here.token()})
        cookie = browser.cookies.get("siraba_intake") or ""
    assert cookie, "it was let in where it may be"
    headers = {"Cookie": f"siraba_reporting={cookie}"}
    return (await here.road.http.get("/reporting/", headers=headers)).is_success


async def _enters(here: Visit, token: str) -> bool:
    async with _browser(here) as browser:
        entered = await browser.get("/intake/enter", params={"token": token})
        return entered.is_success or "set-cookie" in entered.headers


def _browser(here: Visit) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=here.road.platform.front_url, timeout=15)
