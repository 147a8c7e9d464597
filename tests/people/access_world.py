"""Three services with a case of the police that a shelter has taken, and a stranger who has no part."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from secrets import token_bytes
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

import httpx

from contracts.callers import Caller, issue_token
from contracts.passes import HEADER, Pass, issue_pass
from contracts.signing import Signer
from services.intake.store import suspects
from services.intake.store.suspects import Suspect
from services.intake.vault import KeyFiles, Vault
from services.referral.use_cases.inviting import ACCOUNTS
from tests.builders import an_organisation, coded_facts
from tests.intake.vaults import work_engine
from tests.parts import Site, until
from tests.people.address import HTML, Address, open_address
from tests.signing import private_key
from tests.trust.canaries import canary
from tests.trust.people import PERSONAL

OWNERS: Mapping[str, str] = {"police": "POLICE_A", "shelter": "SHELTER_B"}
STRANGER, NOBODY = "POLICE_Z", "NOBODY"
DIRECTORY = (
    an_organisation("POLICE_A", "police", "immediate_safety"),
    an_organisation("SHELTER_B", "shelter", "shelter", channel="desk"),
    an_organisation("POLICE_Z", "police", "immediate_safety", region="01", zones=("01",)),
)
FORM = "f" * 64
RECOVERY = UUID(int=9)
#: What there is of each kind of object, once all has happened that has to.
OBJECTS: Mapping[str, str] = {
    "pair_id": "select pair_id from intake.duplicates",
    "followup_id": "select followup_id from intake.followups",
    "referral_id": "select referral_id from intake.disclosures where referral_id is not null",
    "routing_id": "select id from referral.routings",
    "unplaced_id": "select unplaced_id from referral.unplaced",
    "notice_id": "select notice_id from referral.notices",
}


_THREE_MONTHS_ON = (
    "update intake.cases set followed_since = followed_since - interval '92 days',"
    " followup_due_at = followup_due_at - interval '92 days'"
)


@dataclass(slots=True)
class World:
    """The services, by its name in a path what there is, and the shelter's entry in the directory."""

    address: Address
    client: httpx.AsyncClient
    objects: dict[str, str]
    entry: dict[str, Any]

    async def ask(
        self, service: str, method: str, path: str, headers: Mapping[str, str], **sent: Any
    ) -> httpx.Response:
        """Straight at the service, as the front does."""
        request = self.client.build_request(
            method, f"http://{service}/{service}{path}", headers=headers, **sent
        )
        # One client for all; what it was given before is nobody's afterwards.
        self.client.cookies.clear()
        return await self.client.send(request)

    @property
    def private(self) -> frozenset[str]:
        """The ids and numbers of what is not the stranger's."""
        return frozenset(self.objects.values())


def by_token(service: str, organisation: str, role: str) -> dict[str, str]:
    """What a program shows for a person of this role."""
    token = issue_token(
        private_key(organisation), organisation=organisation, role=role, audience=service,
        now=datetime.now(UTC), person="p1",
    )  # fmt: skip
    return {"Authorization": f"Bearer {token}"}


def person(organisation: str, role: str) -> UUID:
    """The account of whoever comes with a pass."""
    return uuid5(NAMESPACE_OID, f"{organisation} {role}")


def by_pass(service: str, organisation: str, role: str) -> dict[str, str]:
    """What the front shows for whoever is signed in; a stranger's key signs for whom none knows."""
    now = datetime.now(UTC)
    caller = Caller(organisation, role, person(organisation, role).hex)
    one = Pass(caller=caller, signed_in_at=now, form=FORM)
    signer = Signer(private_key("referral" if organisation != NOBODY else NOBODY))
    shown = issue_pass(one, audience=service, now=now, signer=signer)
    return {HEADER: shown, "Accept": HTML, "Origin": f"http://{service}"}


@asynccontextmanager
async def open_world(site: Site, **changes: Any) -> AsyncIterator[World]:
    """Until everything there is to ask for is there. changes: as `open_address` takes them."""
    async with (
        open_address(
            site, *DIRECTORY, services=tuple(SERVICES), operations=True, **changes
        ) as address,
        httpx.AsyncClient(transport=address.behind) as client,
    ):
        world = World(address, client, {}, {})
        for service in SERVICES:
            await until(partial(_knows_all, world, service))
        await _fill(world)
        await _give_accounts(world)
        yield world


SERVICES: Mapping[str, str] = {
    "intake": "/cases",
    "referral": "/referrals",
    "reporting": "/figures",
}


async def _knows_all(world: World, service: str) -> bool:
    role = "data_officer" if service == "reporting" else "officer"
    shown = [by_token(service, one.code, role) for one in DIRECTORY]
    answers = [await world.ask(service, "GET", SERVICES[service], one) for one in shown]
    return all(one.status_code == httpx.codes.OK for one in answers)


_A_DEAD_LETTER = """
    insert into referral.dead_letters (consumer, stream, stream_sequence, reason, digest, tries)
    values ('referral-INBOX', 'INBOX', 1000000, 'signature', 'x', 1)
"""


async def _fill(world: World) -> None:
    """Two cases of one person, what one may do with a case, an incident, and a dead letter."""
    await world.address.site.run(_A_DEAD_LETTER)
    operator = by_token("referral", "POLICE_A", "operator")
    known = await world.ask("referral", "GET", "/directory/SHELTER_B", operator)
    world.entry = known.json()["entry"]
    numbers = [await _said(world, "/cases", a_case(), "case_number") for _ in range(2)]
    world.objects["number"] = numbers[0]
    own = "select case_id from intake.cases where number = :number"
    ((case_id,),) = await world.address.site.rows(own, number=numbers[0])
    world.objects["case_id"] = str(case_id)
    incident = {"detected_on": "2026-11-20", "persons": [coded_facts(family="1", region="12")]}
    world.objects["incident_id"] = await _said(world, "/incidents", incident, "incident_id")
    place = f"/cases/{numbers[0]}"
    for name, (path, body) in _ASKED.items():
        world.objects[name] = await _said(world, f"{place}/{path}", body, name)
    exception = {"case_number": numbers[0], "reason": "life_in_danger", "groups": ["G2"]}
    asked = await _said(world, "/exceptions", exception, "exception_id", code="SHELTER_B")
    world.objects["exception_id"] = asked
    await _keep_suspect(world)
    await until(partial(_is_accepted, world))
    await world.address.site.run(_THREE_MONTHS_ON)
    for name, query in OBJECTS.items():
        rows = await until(partial(world.address.site.rows, query), seconds=30)
        world.objects[name] = str(rows[0][0])


async def _give_accounts(world: World) -> None:
    """Everybody who comes with a pass has one; its name is nobody else's to see."""
    for organisation in (one.code for one in DIRECTORY):
        for role in ACCOUNTS:
            account = person(organisation, role)
            await world.address.site.run(
                "insert into referral.accounts (account_id, organisation, role, login, made_at)"
                " values (:account, :organisation, :role, :login, now())",
                account=account, organisation=organisation, role=role, login=f"u{account.hex[:20]}",
            )  # fmt: skip
    lost, asker = person("POLICE_A", "officer"), person("POLICE_A", "focal_point")
    world.objects |= {"account_id": str(lost), "recovery_id": str(RECOVERY)}
    await world.address.site.run(
        "insert into referral.recoveries (recovery_id, account_id, asked_by, asked_at)"
        " values (:recovery, :lost, :asker, now())",
        recovery=RECOVERY, lost=lost, asker=asker,
    )  # fmt: skip


async def _keep_suspect(world: World) -> None:
    """Who somebody is whom the police suspect, as it is kept when a report of theirs was taken."""
    suspect, site = Suspect(OWNERS["police"], uuid4(), uuid4()), world.address.site
    vault = Vault(KeyFiles(site.folder / "kek", token_bytes), token_bytes)
    said = {"full_name": canary(0)}
    async with (
        work_engine(site.database.url("intake_work")) as engine,
        engine.begin() as connection,
    ):
        at = datetime.now(UTC)
        await suspects.keep(connection, suspect, said, vault=vault, new_id=uuid4(), at=at)
    for name in ("proceeding_id", "suspect_id"):
        world.objects[name] = str(getattr(suspect, name))


_ASKED: Mapping[str, tuple[str, dict[str, Any]]] = {
    "transfer_id": ("transfers", {"organisation": "SHELTER_B"}),
    "return_id": (
        "returns",
        {
            "return_type": "internal", "is_voluntary": True, "is_risk_assessed": True,
            "planned_for": "2030-01-05",
        },
    ),
    "erasure_id": ("erasure", {"reason": "person_asks"}),
}  # fmt: skip


def a_case() -> dict[str, Any]:
    """Every field of the dossier says which one it is."""
    dossier: dict[str, dict[str, str]] = {}
    for place, (section, name) in enumerate(PERSONAL):
        dossier.setdefault(section, {})[name] = canary(place)
    facts = coded_facts(
        age_band="25-34", needs=["shelter", "health"], urgency="emergency_24h", region="12"
    )
    return facts | {"dossier": dossier}


async def _said(
    world: World, path: str, body: Mapping[str, Any], name: str, *, code: str = "POLICE_A"
) -> str:
    headers = by_token("intake", code, "focal_point") | {"Idempotency-Key": str(uuid4())}
    answer = await world.ask("intake", "POST", path, headers, json=dict(body))
    assert answer.is_success, (path, answer.text)
    return str(answer.json()[name])


async def _is_accepted(world: World) -> bool:
    query = "select referral_id from referral.referrals where organisation = 'SHELTER_B' and state = 'offered'"
    for (one,) in await world.address.site.rows(query):
        headers, form = by_pass("referral", "SHELTER_B", "officer"), {"session_form": FORM}
        await world.ask("referral", "POST", f"/desk/{one}/accept", headers, data=form)
    taken = "select 1 from referral.referrals where state = 'accepted'"
    return bool(await world.address.site.rows(taken))
