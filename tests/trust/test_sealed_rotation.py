import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from contracts.feed import DossierDisclosed, KeysPublished, MessageRejected, RequestRefused
from contracts.keyring import Keyring, PublicKey
from contracts.requests import ReceiveReferral
from contracts.signing import Kind
from deploy.evidence import collect_evidence
from deploy.keys import PROVISIONER, seed_file
from deploy.migrate import OPERATIONS
from deploy.signing_keys import OVERLAP, platform_keys
from partners.kit import Partner
from partners.kit.counters import read_counters
from partners.verify import read_export, read_keys
from partners.verify.checking import message_findings
from tests.journeys.cases import some_cases
from tests.journeys.programs import Program
from tests.journeys.road import PARTNERS, SERVICES, Road, running_road
from tests.ledger import Figure, Form
from tests.parts import until
from tests.trust.evidence import Asking
from tests.trust.key_checks import disclosed_to, shut_in_the_feed, shut_in_the_vault, unvouched
from tests.trust.key_turns import Months, Shifts, turn_signing_keys, turn_vault_key
from tests.trust.load import Log, come_to_rest, under_load
from tests.trust.reporting_anew import counted, rebuilt
from tests.trust.streams import Stored, read_streams
from tests.trust.telling import say

pytestmark = [pytest.mark.connected, pytest.mark.share("sealed")]
SEED = 20261225
#: Its officers submit, so its keys stay: a caller who is given new ones has to begin anew.
OWNER, *TURNING = PARTNERS
READER = TURNING[0]
STREAMS = ("INTAKE", "REFERRAL", "OUT", "INBOX")
Held = Mapping[str, Sequence[Stored]]


def _accept(*_: object, **__: object) -> str:
    return "accept"


@pytest.mark.timeout(1800)
async def test_every_key_is_exchanged_under_load_and_all_that_rested_on_one_still_opens(
    form: Form, figure: Figure, tmp_path: Path
) -> None:
    rounds = form.pick(short=1, long=20)
    async with running_road() as road:
        road.programs = {
            code: Program(code, road.folder(code), road.platform.nats_url, _accept)
            for code in PARTNERS
        }
        shifts, months = Shifts(road), Months(road, READER, datetime.now(UTC))
        async with shifts.all_at_work():
            cases = some_cases(20_000, owners=(OWNER,), seed=SEED)
            async with under_load(road, cases, writers=4, per_second=8) as log:
                for nth in range(rounds):
                    await turn_vault_key(road)
                    await turn_signing_keys(road)
                    await months.turn()
                    code = TURNING[nth % len(TURNING)]
                    await shifts.turn_keys(code, former=tmp_path / f"{nth}-{code}")
            await come_to_rest(road, within=form.pick(short=60, long=300))
            await nothing_was_refused(road)
            held = await read_streams(
                road.platform.nats_url, seed_file(road.platform.state, PROVISIONER), STREAMS
            )
            nobody_missed_a_dossier_or_a_key(road, held, rounds)
            lost = await undecryptable(road, log, held, months)
            await all_is_vouched_for_at_its_own_time(road, held)
            await an_ended_key_asks_for_nothing(road, tmp_path / f"0-{READER}")
            before = await counted(road)
            assert await rebuilt(road, within=form.pick(short=60, long=300)) == before
            await an_expert_finds_nothing(road, list(log.acked.values())[:3])

    say(f"{rounds} rounds, {len(log.acked)} cases, {len(held['OUT'])} messages in the feeds")
    assert not lost[:10]
    figure("sealed.rotate.undecryptable", len(lost), seed=SEED)


async def nothing_was_refused(road: Road) -> None:
    """No message was buried, no request sent back, no message kept aside."""
    for service in SERVICES:
        query = f"select consumer, reason, field from {service}.dead_letters"
        assert await Asking(road, service)(query) == []
    for code, program in road.programs.items():
        refused = [*program.messages(MessageRejected), *program.messages(RequestRefused)]
        assert refused == [], code
        counters = read_counters(road.folder(code))
        assert counters is not None
        assert (counters.quarantined, counters.refused, counters.gaps) == (0, 0, ()), code


def nobody_missed_a_dossier_or_a_key(road: Road, held: Held, rounds: int) -> None:
    """Each program opened each dossier in its feed, and heard of every rotation."""
    for code, program in road.programs.items():
        lies = {one.id for one in disclosed_to(code, held["OUT"])}
        opened = {str(one.envelope.id) for one in program.handled
                  if isinstance(one.message, DossierDisclosed) and one.dossier}  # fmt: skip
        assert opened == lies, code
        # Two for each service, and one for the month.
        assert len(program.messages(KeysPublished)) >= rounds * (2 * len(SERVICES) + 1)
    assert any(disclosed_to(code, held["OUT"]) for code in TURNING)


async def undecryptable(road: Road, log: Log, held: Held, months: Months) -> list[str]:
    """Of everything that was kept or sealed for somebody; without the old halves there is some."""
    keys = road.keys.values()
    lost = [one for own in keys for one in shut_in_the_feed(held["OUT"], own)]
    newest = [replace(own, earlier=()) for own in keys]
    assert [one for own in newest for one in shut_in_the_feed(held["OUT"], own)] != []
    lost += await shut_in_the_vault(road, log.attempted, log.acked)
    return lost + [one.ciphertext for one in months.lost]


async def all_is_vouched_for_at_its_own_time(road: Road, held: Held) -> None:
    """By the keys of that time; a judge who takes today's finds old messages that nobody signed."""
    ours = platform_keys(road.platform.state)
    theirs = await partners_keys(road)
    later = datetime.now(UTC) + OVERLAP + timedelta(minutes=1)
    for stream, messages in held.items():
        kind: Kind = "request" if stream == "INBOX" else "event"
        keys = theirs if stream == "INBOX" else ours
        assert unvouched(messages, keys, kind=kind) == {}, stream
        ended = set(unvouched(messages, keys, kind=kind, at=later).values())
        assert ended == {"key_expired"}, stream


async def partners_keys(road: Road) -> Keyring:
    """As referral keeps them."""
    rows = await Asking(road, "referral")(
        "select to_jsonb(k) from referral.organisation_keys as k where use = 'signing'"
    )
    return Keyring(PublicKey.model_validate_json(row) for (row,) in rows)


async def an_ended_key_asks_for_nothing(road: Road, former: Path) -> None:
    """A request signed with the key that was replaced, by whoever still has it."""
    async with Partner.open(former, url=road.platform.nats_url) as partner:
        await partner.send(ReceiveReferral(referral_id=uuid4()))
    query = "select organisation, reason from referral.dead_letters"

    async def is_buried() -> bool:
        return await Asking(road, "referral")(query) == [(READER, "key_expired")]

    await until(is_buried, seconds=20)


async def an_expert_finds_nothing(road: Road, numbers: Sequence[str]) -> None:
    """The oldest cases, exported today and checked with all keys there ever were."""
    state = road.platform.state
    keys = read_keys(platform_keys(state).write().encode())
    for number in numbers:
        exported = await collect_evidence(
            road.platform.database_url(OPERATIONS),
            number,
            nats_url=road.platform.nats_url,
            seed=seed_file(state, PROVISIONER),
            now=datetime.now(UTC),
        )
        export = read_export(json.dumps(exported).encode())
        assert message_findings(export, keys=keys) == []
