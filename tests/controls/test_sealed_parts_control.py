"""That a suspect's name which got into an event would be seen, and a version that takes another's place."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.outbox import Outgoing
from contracts.event import Message
from services.intake.store import dossiers, suspects
from services.intake.store.suspects import Suspect
from tests.builders import a_mint
from tests.intake import test_sealed_parts
from tests.intake.reporters import POLICE
from tests.intake.rooms import open_room
from tests.intake.sealed_parts import WHO, Filer, a_suspect
from tests.intake.test_sealed_parts import (
    test_a_threat_adds_to_the_dossier_and_whoever_may_know_hears_it_again as adds,
)
from tests.parts import Site

pytestmark = pytest.mark.share("sealed")


class Said(Message):
    """An event that says who it is."""

    name: ClassVar[str] = "suspect.said"

    full_name: str


async def test_a_suspect_s_name_in_an_event_is_found(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def keep_and_tell(
        connection: AsyncConnection, suspect: Suspect, fields: Mapping[str, str], **more: Any
    ) -> bool:
        said = Said(full_name=fields["full_name"])
        id, subject = a_mint().message_id(), str(suspect.suspect_id)
        await outbox.add(
            connection,
            [
                Outgoing(
                    id=id, stream="INTAKE", message=said, subject=subject, correlation_id=subject
                )
            ],
        )
        return await real(connection, suspect, fields, **more)

    real = suspects.keep
    monkeypatch.setattr(suspects, "keep", keep_and_tell)
    async with open_room(site) as room:
        await Filer(room, POLICE).settle(a_suspect(), WHO)
        found = await test_sealed_parts.in_clear(room)

    assert "outbox" in found


async def test_a_dossier_whose_version_is_replaced_does_not_say_any_more_what_it_said(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dossiers, "joined", lambda _, added: dict(added))
    async with open_room(site) as room:
        with pytest.raises(AssertionError):
            await adds(room, Filer(room, POLICE))
