import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

from contracts.handed_over import checked_public_key
from deploy.keys import (
    OWN_USERS,
    KeyFileError,
    Partner,
    new_seed,
    public_key,
    read_public_keys,
    registered_partners,
)
from deploy.nats_config import Accounts, Listener, Storage, server_config
from deploy.nats_permissions import all_rights
from deploy.state import State

SERVER = Path(sysconfig.get_path("scripts")) / "nats-server"


def fresh_key() -> str:
    return public_key(new_seed())


def config(*partners: Partner, listener: Listener | None = None, folder: str = "/tmp/x") -> str:  # noqa: S108 - never opened
    own = {user: fresh_key() for user in OWN_USERS}
    accounts = Accounts(own, partners)
    return server_config(
        listener or Listener(4222),
        Storage(Path(folder)),
        accounts,
        monitor_port=1,
        log=Path("nats.log"),
    )


def test_the_server_accepts_what_is_written(tmp_path: Path) -> None:
    partners = [Partner(code, (fresh_key(),)) for code in ("POLICE_A", "SHELTER_B")]
    path = tmp_path / "nats.conf"
    path.write_text(config(*partners, Partner("DESK_C")))
    result = subprocess.run([SERVER, "-t", "-c", path], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("code", ['A"', "A }", "a", "A\nB", "SYS", "PLATFORM", "*", ">", "A.B", ""])
def test_a_code_that_is_more_than_a_name_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="organisation code"):
        config(Partner(code, (fresh_key(),)))


@pytest.mark.parametrize("key", ["", "UABC", "x" * 56, "SUAB", 'U" }'])
def test_a_key_that_is_not_a_public_user_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="nkey"):
        config(Partner("POLICE_A", (key,)))


def test_a_key_with_a_wrong_letter_is_refused() -> None:
    key = fresh_key()
    wrong = key[:20] + ("A" if key[20] != "A" else "B") + key[21:]
    with pytest.raises(ValueError, match="checksum"):
        checked_public_key(wrong)


def test_a_key_cannot_be_registered_for_two_organisations() -> None:
    key = fresh_key()
    with pytest.raises(ValueError, match="registered twice"):
        config(Partner("POLICE_A", (key,)), Partner("SHELTER_B", (key,)))


def test_a_folder_name_cannot_end_its_string() -> None:
    with pytest.raises(ValueError, match="configuration"):
        config(folder='/tmp/x" } accounts { ')  # noqa: S108 - never opened


def test_plain_text_is_refused_outside_loopback(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="certificate"):
        config(listener=Listener(4222, host="192.0.2.1"))
    secured = Listener(4222, "192.0.2.1", tmp_path / "c.pem", tmp_path / "k.pem")
    assert "tls {" in config(listener=secured)


def test_an_acknowledgement_means_on_disk() -> None:
    assert "sync_interval: always" in config()


def test_no_list_of_rights_holds_a_wildcard_over_the_api() -> None:
    for user, rights in all_rights(["POLICE_A"]).items():
        wide = {">", "$JS.>", "$JS.API.>", "$JS.ACK.>", "_INBOX.>", "$SYS.>", "siraba.>", "in.>"}
        assert not wide & {*rights.publish, *rights.subscribe}, user


def test_only_the_feeds_writers_may_delete_and_only_where_feeds_and_requests_lie() -> None:
    for user, rights in all_rights(["POLICE_A"]).items():
        places = {s.rsplit(".", 1)[1] for s in rights.publish if "STREAM.MSG.DELETE" in s}
        wanted = {"OUT", "INBOX", "IN_POLICE_A"} if user in ("intake", "referral") else set()
        assert places == wanted, user


def test_public_key_files_are_read_by_code(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.prepare()
    key = fresh_key()
    (state.partners / "POLICE_A.json").write_text(f'{{"code": "POLICE_A", "nkey": "{key}"}}')
    partners = registered_partners(state, ("DESK_C",))
    assert partners == (Partner("DESK_C"), Partner("POLICE_A", (key,)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "code: missing"),
        ('{"code": "POLICE_A"}', "nkey: missing"),
        ('{"code": "police", "nkey": ""}', "organisation code"),
        ('{"code": "POLICE_A", "nkey": "SUSECRET"}', "nkey: must be"),
        ("[", "JSON object"),
        ("[]", "JSON object"),
    ],
)
def test_a_wrong_key_file_is_refused_by_field_without_its_value(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "public.json"
    path.write_text(text)
    with pytest.raises(KeyFileError, match=words) as refusal:
        read_public_keys(path)
    assert "SUSECRET" not in str(refusal.value)


def test_only_the_provisioner_lives_where_the_streams_are() -> None:
    """Whoever lives there can have the server answer on any subject, with the server's rights."""
    block = (
        config(Partner("POLICE_A", (fresh_key(),))).split("  PLATFORM {")[1].split("exports:")[0]
    )
    assert block.count("nkey:") == 1
    assert "STREAM.CREATE" in block


def test_each_import_has_one_export_of_exactly_its_subject() -> None:
    text = config(Partner("POLICE_A", (fresh_key(),)), Partner("SHELTER_B", (fresh_key(),)))
    exports = re.findall(r'\{ service: "([^"]+)".*accounts: \[([^\]]+)\]', text)
    imports = re.findall(r'account: PLATFORM, subject: "([^"]+)"', text)
    assert len(exports) == len({subject for subject, _ in exports})
    assert {subject for subject, _ in exports} == set(imports)
    assert dict(exports)["in.POLICE_A.>"] == '"siraba-door", "POLICE_A"'
