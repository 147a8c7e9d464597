"""That the recorded messages would show a reader that has forgotten how they were written."""

from typing import Annotated, ClassVar

import pytest
from pydantic import Field

from contracts.catalogue import index
from contracts.feed import Offer
from contracts.recorded import recorded_messages
from contracts.requests import AcceptReferral
from tests.contracts.archive import TYPES, misread

pytestmark = pytest.mark.share("partners")


class OfferWithARoom(Offer):
    """Demands what no old message has."""

    name: ClassVar[str] = "referral.offered"

    room: str


class AcceptInOneWord(AcceptReferral):
    """Takes an id of its own form."""

    name: ClassVar[str] = "referral.accept"

    referral_id: Annotated[int, Field(ge=1)]  # type: ignore[assignment]  # that is the mistake


def test_a_reader_that_demands_more_or_else_is_shown() -> None:
    types = {
        **TYPES,
        "feed": {**TYPES["feed"], **index([OfferWithARoom])},
        "requests": {**TYPES["requests"], **index([AcceptInOneWord])},
    }

    assert list(misread(recorded_messages(), types)) == [
        "feed/ml.siraba.referral.offered.v1: refused",
        "requests/ml.siraba.referral.accept.v1: refused",
    ]


def test_a_reader_that_drops_a_field_is_shown() -> None:
    class Forgetful(Offer):
        """Knows no safety instructions."""

        def encode(self) -> bytes:
            return self.model_dump_json(exclude={"safety"}).encode()

    types = {**TYPES, "feed": {**TYPES["feed"], **index([Forgetful])}}

    assert list(misread(recorded_messages(), types)) == [
        "feed/ml.siraba.referral.offered.v1: read otherwise"
    ]
