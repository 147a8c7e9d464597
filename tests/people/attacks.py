"""What somebody tries at the pages who has no right to: each gives back what came through."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser

import httpx

from contracts.passes import HEADER
from contracts.signing import Signer
from services.intake.pages.questions import STEPS
from tests.people.access_rows import Line, read_lines
from tests.people.address import BASE, HTML, Address, Browser
from tests.people.forged import forged
from tests.signing import private_key

COOKIES = ("siraba_person", "__Host-siraba", "siraba_intake")
#: Said of a form by a browser on another site's page, or by none.
FOREIGN: tuple[dict[str, str], ...] = (
    {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": f"{BASE}.evil.example"},
    {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"}, {"origin": BASE, "sec-fetch-site": "cross-site"}, {},
    {"origin": "https://evil.example", "sec-fetch-site": "same-origin"},
)  # fmt: skip
MARKUP = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>',
    "'><b onclick=alert(1)>", "</textarea><script>1</script>", "</option></select><iframe src=x>",
    '" autofocus onfocus="alert(1)', "{{ 7 * 7 }}{% raw %}", "<a href=javascript:alert(1)>x</a>",
    "\u2028<style>*{display:none}</style>", "<!--", "]]><x>",
)  # fmt: skip
_ACTIVE = frozenset({"script", "iframe", "img", "svg", "style", "object", "embed", "x", "b"})
_ATTRIBUTE = re.compile(r"on\w+|style|srcdoc|autofocus")


async def forged_passes(address: Address) -> list[str]:
    """The forged passes by which intake, asked as by the front, shows a page."""
    through = []
    async with httpx.AsyncClient(transport=address.behind) as client:
        for name, text in forged(datetime.now(UTC), Signer(private_key("referral"))):
            headers = {HEADER: text.encode("latin-1", "replace").decode("latin-1"), "accept": HTML}
            answer = await client.get("http://intake/intake/", headers=headers)
            through += [name] if answer.status_code != httpx.codes.UNAUTHORIZED else []
    return through


async def forged_cookies(browser: Browser, session: str) -> list[str]:
    """The cookies made from somebody's session, or from nothing, by which the dossiers open."""
    through = []
    for value in _cookie_values(session):
        for name in COOKIES:
            browser.client.cookies.clear()
            answer = await browser.client.get("/intake/", headers={"cookie": f"{name}={value}"})
            through += (
                [f"{name}={value[:12]}"]
                if answer.url.path != "/login" and answer.is_success
                else []
            )
    return through


def _cookie_values(session: str) -> Iterator[str]:
    yield from ("", "0" * 64, "f" * 64, session[:-1], session + "0", session[::-1])
    yield from (session.upper(), f'"{session}x"', f"{session[:32]}", "' or '1'='1", "null")
    yield from ("e30.e30.", "eyJhbGciOiJub25lIn0.eyJvcmciOiJTSEVMVEVSX0IifQ.", "%00", "a" * 4000)


def form_lines() -> list[Line]:
    """Every route that a form goes to."""
    doors = ("/login", "/join")
    return [
        one
        for one in read_lines()
        if one.door == "form" or (one.method == "POST" and one.path in doors)
    ]


async def foreign_forms(browser: Browser, word: str) -> list[str]:
    """The forms that are taken though another site sent them; word: what the session's forms carry."""
    through = []
    for line in form_lines():
        for place, headers in enumerate(FOREIGN):
            path = re.sub(r"\{\w+\}", "00000000-0000-0000-0000-000000000007", line.path)
            data = {"session_form": word, "login": "a.diarra", "step": "found", "go": "found"}
            answer = await browser.client.post(
                f"/{line.service}{path}", data=data, headers=headers, follow_redirects=False
            )
            through += (
                [f"{line.name} {place}"] if answer.status_code != httpx.codes.FORBIDDEN else []
            )
    return through


class Active(HTMLParser):
    """Finds what a page of ours never has: elements and attributes that do something."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Our own image has a source of ours."""
        named = dict(attrs)
        is_ours = tag == "img" and str(named.get("src")).endswith("/static/mark.svg")
        if tag in _ACTIVE and not is_ours:
            self.found.append(tag)
        self.found += [name for name in named if _ATTRIBUTE.fullmatch(name)]
        self.found += [str(v) for v in named.values() if str(v).strip().startswith("javascript:")]


def active_in(page: str) -> list[str]:
    """What of it would do something in a browser."""
    parser = Active()
    parser.feed(page)
    parser.close()
    return parser.found


def text_questions() -> list[str]:
    """Every field of the officer's form, whatever it asks for."""
    return [question.name for step in STEPS for question in step.questions]
