import pytest

from tests.ledger import Form
from tests.trust.decoders import DECODERS
from tests.trust.tormenting import torment

pytestmark = pytest.mark.share("fire")
SEED = 20261204


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("what", DECODERS)
def test_a_decoder_gives_a_value_or_its_own_refusal_within_a_second(what: str, form: Form) -> None:
    examples = form.pick(short=2_000, long=100_000) // len(DECODERS)

    torment(DECODERS[what], examples=examples, salt=SEED)
