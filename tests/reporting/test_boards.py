"""The boards: what they count, whom they round it for, and how a page hears that it is old."""

import re
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta
from itertools import product

import httpx
import pytest

from chassis.web import Entrance, Sessions, add_api, web_app
from services.reporting import api, pages
from services.reporting.domain import Window
from services.reporting.domain.disclosure import INTERNAL_K
from services.reporting.domain.rounding import Count, rounded, tells
from services.reporting.pages.boards import LOOKS, add_boards
from services.reporting.store.indicators import INDICATORS, counted
from services.reporting.use_cases.boarding import BOARDS, OLD, Boards
from tests.reporting.happenings import Happenings, Roles, take
from tests.reporting.test_api import MINT, NOON, bearer, key_of
from tests.reporting.test_page import HTML, token, words

pytestmark = pytest.mark.share("figures")
YEAR = Window(start=date(2026, 1, 1), end=date(2027, 1, 1), as_of=NOON)


class Clock:
    """A moment that a test moves."""

    now = NOON

    def __call__(self) -> datetime:
        return self.now


def a_history() -> Happenings:
    """Twelve persons, one of them twice and one in error; three referrals, one service for nobody."""
    happened = Happenings()
    for case in range(1, 15):
        happened.registered(
            case,
            region="06" if case > 8 else "01",
            sex="unknown" if case == 3 else "female",
            victim_status="identified" if case % 2 else "presumed",
            detected_on=date(2026, 9, 1) if case == 4 else date(2026, 11, 20),
        )
    happened.merged(13, 1, minutes=1)
    happened.erased(14, reason="registered_in_error", minutes=1)
    happened.offered(1, 1, urgency="vital_1h", minutes=1)
    happened.offered(2, 2, urgency="vital_1h", minutes=1)
    happened.offered(3, 3, urgency="normal_14d", minutes=1)
    happened.stepped(1, 1, "accepted", minutes=100)
    happened.unplaced(4)
    return happened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def visitor(roles: Roles, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    await take(roles.work, a_history().events)
    layout = pages.layout()
    app = web_app(title="Siraba reporting", pages=layout, prefix="/reporting")
    boards = Boards(engine=roles.web, clock=clock)
    add_api(app, api.boards.router(boards, key_of=key_of, mint=MINT))
    entrance = Entrance(
        sessions=Sessions(b"s" * 32, service="reporting", path="/reporting"),
        key_of=key_of,
        clock=clock,
        roles=pages.ROLES,
    )
    pages.add_pages(app, layout, web=roles.web, entrance=entrance)
    add_boards(app, layout, boards=boards, entrance=entrance, pause=0)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://a/reporting"
    ) as client:
        yield client


async def board(
    visitor: httpx.AsyncClient, name: str, *, role: str = "data_officer"
) -> httpx.Response:
    return await visitor.get(f"/figures/boards/{name}", headers=bearer(role=role))


async def enter(visitor: httpx.AsyncClient, role: str = "data_officer") -> None:
    await visitor.get("/enter", params={"token": token(role)})


async def test_the_committee_sees_persons_and_answers_by_month_and_region(
    visitor: httpx.AsyncClient,
) -> None:
    counts = (await board(visitor, "committee")).json()["counts"]

    assert counts["detected"]["whole"] == 12
    assert counts["detected"]["by"] == {
        "month": {"09": 1, "11": 11},
        "region": {"01": 8, "06": 4},
    }
    assert counts["identified"]["by"]["who"] == {"girl": 5, "unknown": 1}
    assert counts["offered"]["by"]["answer"] == {"accepted": 1, "unanswered": 2}
    assert counts["in_time"]["whole"] == 0


async def test_a_board_says_what_the_indicators_say(
    visitor: httpx.AsyncClient, roles: Roles
) -> None:
    shown = (await board(visitor, "committee")).json()["counts"]
    names = {
        "detected": "V1",
        "identified": "V2",
        "referred": "R1",
        "assisted": "A1",
        "offered": "R2",
    }

    async with roles.web.connect() as connection:
        for name, code in names.items():
            whole = await counted(connection, INDICATORS[code], YEAR)
            assert (name, shown[name]["whole"]) == (name, whole.value)


async def test_operations_sees_deadlines_missed_who_waits_and_what_nobody_gives(
    visitor: httpx.AsyncClient,
) -> None:
    counts = (await board(visitor, "operations")).json()["counts"]

    assert counts["missed"]["whole"] == 2
    assert counts["missed"]["by"]["month"] == {"11": 2}
    assert counts["waiting"]["by"]["urgency"] == {"normal_14d": 1, "vital_1h": 1}
    assert (counts["unplaced"]["unit"], counts["unplaced"]["whole"]) == ("services", 1)


async def test_an_organisation_is_silent_after_sixty_days_and_says_what_waits_for_it(
    visitor: httpx.AsyncClient, clock: Clock
) -> None:
    assert (await board(visitor, "operations")).json()["silent"] == []
    clock.now = NOON + timedelta(days=61)
    asked = {"year": "2026"}
    answer = await visitor.get("/figures/boards/operations", params=asked, headers=bearer())
    silent = {one["organisation"]: one for one in answer.json()["silent"]}

    assert silent["GEND_KITA"]["referrals"] == 0
    assert max(one["referrals"] for one in silent.values()) == 2
    assert {one["last_on"] for one in silent.values()} == {"2026-11-24"}


async def test_quality_sees_what_is_late_unknown_double_and_in_error(
    visitor: httpx.AsyncClient,
) -> None:
    counts = (await board(visitor, "quality")).json()["counts"]
    whole = {name: one["whole"] for name, one in counts.items()}

    assert (whole["cases"], whole["complete"], whole["late"]) == (13, 12, 1)
    assert (whole["doubles"], whole["taken_apart"], whole["in_error"]) == (1, 0, 1)
    assert (whole["unknown_sex"], whole["unknown_age"]) == (1, 0)


async def test_the_same_numbers_are_not_sent_again_and_new_ones_are(
    visitor: httpx.AsyncClient, roles: Roles
) -> None:
    first = await board(visitor, "committee")
    again = {"if-none-match": first.headers["etag"]} | bearer()
    assert (await visitor.get("/figures/boards/committee", headers=again)).status_code == 304

    happened = a_history()
    happened.registered(20)
    await take(roles.work, happened.events)
    new = await visitor.get("/figures/boards/committee", headers=again)
    assert new.status_code == 200
    assert new.json()["counts"]["detected"]["whole"] == 13


@pytest.mark.parametrize(
    ("path", "status", "code", "field"),
    [
        ("/figures/boards/Kadiatou", 404, "unknown_board", "name"),
        ("/figures/boards/committee?year=1900", 422, "invalid_request", "year"),
        ("/figures/boards/committee?year=2027", 422, "invalid_request", "year"),
        ("/figures/boards/committee?year=Kadiatou", 422, "invalid_request", "year"),
        ("/figures/boards/committee?Kadiatou=1", 422, "invalid_request", "*"),
    ],
)
async def test_a_board_that_is_not_there_is_a_problem_that_repeats_nothing(
    *, visitor: httpx.AsyncClient, path: str, status: int, code: str, field: str
) -> None:
    answer = await visitor.get(path, headers=bearer())

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Kadiatou" not in answer.text


@pytest.mark.parametrize("name", BOARDS)
async def test_an_analyst_gets_multiples_of_five_only(
    visitor: httpx.AsyncClient, name: str
) -> None:
    shown = (await board(visitor, name, role="analyst")).json()

    assert shown["rounded_down_to"] == INTERNAL_K
    for one in shown["counts"].values():
        for number in (one["whole"], *(n for parts in one["by"].values() for n in parts.values())):
            assert number % INTERNAL_K == 0
    assert all(one["referrals"] % INTERNAL_K == 0 for one in shown["silent"])


def test_a_division_that_would_tell_of_few_is_left_out() -> None:
    fours = {str(nth): 4 for nth in range(12)}
    count = Count(unit="persons", whole=48, by={"month": fours, "region": {"01": 48}})

    assert rounded(count, 5) == Count(unit="persons", whole=45, by={"region": {"01": 45}})
    assert rounded(count, 1) == count


def known_of(divisions: Sequence[Sequence[int]], step: int) -> list[list[set[int]]]:
    """By trying all: what each number may be, for whoever sees them all rounded down."""
    each = [
        [one for one in product(*(range(low, low + step) for low in parts))] for parts in divisions
    ]
    sums = set.intersection(*({sum(one) for one in some} for some in each))
    return [
        [{one[nth] for one in some if sum(one) in sums} for nth in range(len(some[0]))]
        for some in each
    ]


def pinned(count: Count, step: int) -> set[int]:
    """The small numbers that somebody knows who sees the count as it is shown."""
    shown = rounded(count, step)
    divisions = [[shown.whole], *(list(parts.values()) for parts in shown.by.values())]
    known = [numbers for parts in known_of(divisions, step) for numbers in parts]
    return {min(numbers) for numbers in known if len(numbers) == 1 and min(numbers) < step}


#: Two persons in each of three regions: rounded, nobody anywhere, beside a whole of six.
TWO_EACH = Count(unit="persons", whole=6, by={"region": {"01": 2, "06": 2, "07": 2}})


def test_two_persons_in_each_region_are_told_of_nowhere() -> None:
    assert pinned(TWO_EACH, 3) == set()


def test_what_may_be_told_is_what_trying_all_finds() -> None:
    step, checked = 3, set()
    for whole, first, second in product(range(0, 13, 3), repeat=3):
        for third, other in product((0, 3), (0, 3, 6)):
            divisions = [[whole], [first, second, third], [other, first]]
            known = known_of(divisions, step)
            if not all(numbers for parts in known for numbers in parts):
                continue  # no population is so
            few = any(min(one) < step and len(one) < step for parts in known for one in parts)
            named = [{str(nth): n for nth, n in enumerate(parts)} for parts in divisions]
            assert tells(named, step) == few, divisions
            checked.add(few)
    assert checked == {True, False}


@pytest.mark.parametrize(
    ("name", "french", "english"),
    [
        ("committee", "Victimes repérées 12 personnes", "Victims detected 12 persons"),
        ("operations", "Délais dépassés 2 67 %", "Deadlines missed 2 67% of the referrals"),
        ("quality", "Doublons 1 8 % des dossiers", "Doubles 1 8% of the cases"),
    ],
)
async def test_each_board_is_a_page_in_both_languages(
    visitor: httpx.AsyncClient, name: str, french: str, english: str
) -> None:
    await enter(visitor)
    for language, said in (("fr", french), ("en", english)):
        page = await visitor.get(f"/boards/{name}?lang={language}", headers=HTML)
        assert page.status_code == 200
        assert said in words(page.text)


async def test_only_a_board_may_run_a_script_and_only_ours(visitor: httpx.AsyncClient) -> None:
    await enter(visitor)
    page = await visitor.get("/boards/committee", headers=HTML)

    assert "script-src 'self'; connect-src 'self'" in page.headers["content-security-policy"]
    assert re.findall(r"<script[^>]*>[^<]*", page.text) == [
        '<script src="/reporting/static/live.js" defer>'
    ]
    assert not re.search(r"<style|\sstyle=|\son\w+=", page.text)
    figures = await visitor.get("/", headers=HTML)
    assert "script-src" not in figures.headers["content-security-policy"]
    assert (await visitor.get("/static/live.js")).status_code == 200


async def test_a_board_needs_a_session_and_is_one_of_three(visitor: httpx.AsyncClient) -> None:
    for path in ("/boards/committee", "/boards/committee/changes"):
        assert (await visitor.get(path, headers=HTML)).status_code == 401
    await enter(visitor)
    for path in ("/boards/everybody", "/boards/everybody/changes", "/boards/quality?year=1999"):
        assert (await visitor.get(path, headers=HTML)).status_code == 404


async def told(visitor: httpx.AsyncClient) -> list[str]:
    stream = await visitor.get("/boards/committee/changes")
    assert stream.headers["content-type"].startswith("text/event-stream")
    return re.findall(r"^data: (\w+)$", stream.text, re.MULTILINE)


async def test_a_page_hears_that_it_is_old_and_the_next_one_is_new(
    visitor: httpx.AsyncClient, roles: Roles, clock: Clock
) -> None:
    await enter(visitor)
    tag = re.search(r'data-tag="(\w+)"', (await visitor.get("/boards/committee")).text)
    assert tag is not None
    assert await told(visitor) == [tag[1]] * LOOKS

    happened = a_history()
    happened.registered(20)
    await take(roles.work, happened.events)
    # Nobody asked for the newest: for five minutes it is as it was, and says of when.
    assert tag[1] in (await visitor.get("/boards/committee")).text
    heard = await told(visitor)
    assert tag[1] not in heard
    assert f'data-tag="{heard[0]}"' in (await visitor.get("/boards/committee")).text
    clock.now = NOON + OLD
    assert f'data-tag="{heard[0]}"' in (await visitor.get("/boards/committee")).text
