"""Keys that an organisation hands in at a page, and what people do there about them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from contracts.countersigning import OFFICER, PREVIOUS, prove
from deploy.officer import countersign_file
from partners.kit import init
from tests.people.address import Address, Browser, Visitor, hidden
from tests.signing import signer_of

KEYS = "/referral/keys"
WAITING = f"{KEYS}/waiting"


def new_keys(folder: Path, code: str = "POLICE_A", *, renewed: bool = True) -> Path:
    """A `public.json`; renewed: signed by the key that the directory has."""
    init(folder, code=code)
    path = folder / "public.json"
    if renewed:
        document = json.loads(path.read_text())
        path.write_text(json.dumps(document | {PREVIOUS: prove(signer_of(code), document)}))
    return path


async def upload(
    browser: Visitor, page: httpx.Response, path: str, content: bytes | str
) -> httpx.Response:
    """Send the form of a page that goes to this path, with a file."""
    origin = str(browser.client.base_url).rstrip("/")
    return await browser.client.post(
        path,
        data=hidden(page, path),
        files={"file": ("public.json", content)},
        headers={"origin": origin},
    )


async def hand_in(browser: Visitor, content: bytes | str) -> httpx.Response:
    """At the page of the organisation."""
    return await upload(browser, await browser.get(KEYS), KEYS, content)


async def countersigned(
    keeper: Browser, folder: Path, code: str = "POLICE_A", *, by: str = OFFICER
) -> Path:
    """What the committee downloads, and an officer signs elsewhere by the command's own function."""
    path = folder / f"{by}.json"
    path.write_bytes((await keeper.get(f"{WAITING}/{code}/document")).content)
    countersign_file(path, signer_of(by))
    return path


async def bring_back(
    keeper: Visitor, content: bytes | str, code: str = "POLICE_A"
) -> httpx.Response:
    """The committee uploads a countersigned file."""
    at = f"{WAITING}/{code}"
    return await upload(keeper, await keeper.get(at), at, content)


@asynccontextmanager
async def somebody(address: Address, login: str, organisation: str) -> AsyncIterator[Browser]:
    """A focal point, signed in."""
    async with address.browser() as browser:
        await browser.arrive(login, organisation=organisation)
        yield browser
