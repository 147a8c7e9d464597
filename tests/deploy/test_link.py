from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from contracts.callers import Caller, verify_token
from deploy.commands.link import entrance
from deploy.embedded.processes import ServerError
from partners.kit import keys

pytestmark = pytest.mark.share("sealed")
FRONT = "http://127.0.0.1:8400"


@pytest.mark.parametrize(
    ("code", "service", "role"),
    [("CNLTPPA", "reporting", "analyst"), ("HOPITAL_KAYES", "intake", "focal_point")],
)
def test_a_link_opens_the_page_that_is_for_its_organisation(
    tmp_path: Path, code: str, service: str, role: str
) -> None:
    ours = keys.init(tmp_path / code, code=code)

    address = urlsplit(entrance(FRONT, tmp_path / code, code=code))

    assert (address.netloc, address.path) == ("127.0.0.1:8400", f"/{service}/enter")
    (token,) = parse_qs(address.query)["token"]
    caller = verify_token(
        token,
        audience=service,
        now=datetime.now(UTC),
        key_of={code: ours.signing.public_key()}.get,
    )
    assert caller == Caller(code, role)


def test_no_link_is_made_with_the_keys_of_another_or_with_none(tmp_path: Path) -> None:
    keys.init(tmp_path / "POLICE_KAYES", code="POLICE_KAYES")

    with pytest.raises(ServerError, match="another organisation than HOPITAL_KAYES"):
        entrance(FRONT, tmp_path / "POLICE_KAYES", code="HOPITAL_KAYES")
    with pytest.raises(ServerError):
        entrance(FRONT, tmp_path / "HOPITAL_KAYES", code="HOPITAL_KAYES")
