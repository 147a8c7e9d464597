import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from chassis.assembly import Parts
from chassis.audit import Look
from chassis.evidence import RootKeeper, heads
from contracts.callers import Caller
from contracts.evidence import inclusion_path, is_included, merkle_root
from contracts.feed import EvidenceRooted
from contracts.keyring import Keyring, PublicKey, encode_base64url, generate_signing_key
from contracts.roots import Leaf
from contracts.signing import Signer, verify
from partners.verify import read_roots
from tests.parts import Site

pytestmark = pytest.mark.share("sealed")
OFFICER = Caller("POLICE_A", "officer")
KEY = generate_signing_key(b"k" * 32)
#: The night after tomorrow: whatever is written now was there on the day before it.
NIGHT = datetime.combine(datetime.now(UTC).date() + timedelta(days=2), time(0, 0, 40), UTC)
CASES = [UUID(int=nth, version=4) for nth in range(1, 8)]


def keeper(parts: Parts, *, witnesses: Sequence[str] = ()) -> RootKeeper:
    return RootKeeper(
        service="referral",
        engine=parts.work,
        signer=lambda: Signer(KEY),
        mint=parts.mint,
        message=EvidenceRooted.of,
        witnesses=witnesses,
    )


async def fill(site: Site, parts: Parts) -> None:
    """Some chains of messages, one that has none yet, and some looks."""
    for nth, case in enumerate(CASES):
        await site.run(
            "insert into referral.sequences values ('REFERRAL', :key, :last, :head)",
            key=str(case), last=nth + 1, head=sha256(case.bytes).digest() if nth else None,
        )  # fmt: skip
    for case in (*CASES, *CASES[:2]):
        await parts.reads.auditor.record(OFFICER, Look(action="case", case_id=case))


async def rows(site: Site, query: str) -> list[tuple[Any, ...]]:
    return await site.rows(query)


async def test_a_days_root_is_over_every_head_and_signed(site: Site) -> None:
    async with site.parts("referral") as parts:
        await fill(site, parts)
        root = await keeper(parts).once(NIGHT)

    assert root is not None
    ((day, made_at, size, digest, signature),) = await rows(site, "select * from referral.roots")
    assert (day, made_at, size, digest) == (
        NIGHT.date() - timedelta(days=1),
        NIGHT,
        root.size,
        root.root,
    )
    chains = await rows(site, "select chain, max(number) from referral.audit group by chain")
    assert size == len(CASES) - 1 + len(chains)
    public = PublicKey(
        owner="referral", use="signing", key=encode_base64url(KEY.public_key().public_bytes_raw()),
        valid_from=NIGHT - timedelta(days=1),
    )  # fmt: skip
    verify(signature, root.payload, kind="root", keys=Keyring([public]), owner="referral", at=NIGHT)


async def test_every_leaf_of_the_newest_root_can_be_shown_to_lie_under_it(site: Site) -> None:
    async with site.parts("referral") as parts:
        await fill(site, parts)
        await keeper(parts).once(NIGHT)
        await parts.reads.auditor.record(OFFICER, Look(action="referrals"))
        root = await keeper(parts).once(NIGHT + timedelta(days=1))

    assert root is not None
    kept = [
        Leaf(stream, key, last, bytes(head)) for _, stream, key, last, head in await rows(
            site, "select * from referral.leaves order by place")
    ]  # fmt: skip
    assert [leaf.name for leaf in kept] == sorted(leaf.name for leaf in kept)
    texts = [leaf.text for leaf in kept]
    assert merkle_root(texts) == root.root
    assert all(
        is_included(one, inclusion_path(texts, nth), index=nth, size=root.size, root=root.root)
        for nth, one in enumerate(texts)
    )


async def test_the_heads_of_the_audit_are_its_newest_rows(site: Site) -> None:
    async with site.parts("referral") as parts:
        await fill(site, parts)
        async with parts.work.connect() as connection:
            found = await heads(connection)
            newest = await connection.execute(
                text("select distinct on (chain) chain, number, digest from audit "
                     "order by chain, number desc")
            )  # fmt: skip
            expected = {(chain, number, bytes(digest)) for chain, number, digest in newest}

    assert {(one.key, one.last, one.head) for one in found if one.stream == "AUDIT"} == expected
    assert len(expected) > 1


async def test_a_day_has_one_root_however_often_and_by_however_many_it_is_made(site: Site) -> None:
    async with site.parts("referral") as parts:
        await fill(site, parts)
        made = await asyncio.gather(*(keeper(parts).once(NIGHT) for _ in range(6)))
        again = await keeper(parts).once(NIGHT + timedelta(hours=20))
        before = await rows(site, "select * from referral.roots")
        next_day = await keeper(parts).once(NIGHT + timedelta(days=1))

    assert sum(one is not None for one in made) == 1
    assert again is None
    assert next_day is not None
    assert (await rows(site, "select * from referral.roots order by day"))[:1] == before


async def test_on_its_first_day_a_service_has_no_root_of_the_day_before(site: Site) -> None:
    async with site.parts("referral") as parts:
        await fill(site, parts)
        assert await keeper(parts).once(datetime.now(UTC)) is None


async def test_a_service_that_has_said_nothing_has_no_root(site: Site) -> None:
    async with site.parts("referral") as parts:
        assert await keeper(parts, witnesses=["POLICE_A"]).once(NIGHT) is None

    assert await rows(site, "select count(*) from referral.outbox") == [(0,)]


async def test_each_witness_is_told_with_the_root_or_there_is_no_root(site: Site) -> None:
    async with site.parts("referral") as parts:
        await fill(site, parts)
        await site.run("revoke insert on referral.outbox from referral_work")
        with pytest.raises(Exception, match="permission denied"):
            await keeper(parts, witnesses=["POLICE_A"]).once(NIGHT)
        assert await rows(site, "select count(*) from referral.roots") == [(0,)]

        await site.run("grant insert on referral.outbox to referral_work")
        root = await keeper(parts, witnesses=["POLICE_A", "SHELTER_B"]).once(NIGHT)

    assert root is not None
    bodies = await rows(
        site, "select organisation, convert_from(body, 'UTF8') from referral.outbox order by 1"
    )
    assert [code for code, _ in bodies] == ["POLICE_A", "SHELTER_B"]
    for _, body in bodies:
        read = EvidenceRooted.model_validate_json(body)
        assert read.root == root.root.hex()
        assert read.as_root() == root
        # What a witness has kept is, as it came, what the offline checker reads.
        (kept,) = read_roots(f'{{"roots": [{body}]}}'.encode())
        assert kept.payload == root.payload
