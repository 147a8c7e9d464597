"""The contract gate against contracts that somebody changed: no break passes, every addition does."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from contracts.compatibility import Change
from contracts.gate import Contract, compare, current, main, read_contract
from contracts.releases import VERSION, newest_release
from tests.contracts.mutations import (
    ADDING,
    ADDING_CONTRACT,
    BREAKING,
    BREAKING_CONTRACT,
    WIDENING,
    WIDENING_OTHERWISE,
    Mutation,
    mutated,
    proven_safe,
)
from tests.controls.gate_by_names import compare_names
from tests.ledger import Figure, Form

pytestmark = pytest.mark.share("partners")
SEED = 20261128
RELEASED = read_contract(newest_release())
Gate = Callable[[Contract, Contract], list[Change]]


def is_request(name: str) -> bool:
    return name.startswith("requests/")


def broken_contracts(seed: int, count: int) -> Iterator[tuple[str, Contract]]:
    """What breaks somebody, and the name of the change."""
    random = Random(seed)
    names = sorted(RELEASED.schemas)
    while count:
        if random.random() < 0.2:
            said, change = random.choice(sorted(BREAKING_CONTRACT.items()))
            yield said, change(random, RELEASED)
            count -= 1
            continue
        name = random.choice(names)
        widening = () if is_request(name) else (*WIDENING, *WIDENING_OTHERWISE)
        mutation = random.choice((*BREAKING, *widening))
        contract = with_schema(random, name, mutation)
        if contract is not None:
            yield f"{mutation.__name__} in {name}", contract
            count -= 1


def with_schema(random: Random, name: str, mutation: Mutation) -> Contract | None:
    schema = mutated(random, RELEASED.schemas[name], mutation)
    if schema is None:
        return None
    return RELEASED._replace(schemas={**RELEASED.schemas, name: schema})


def missed(gate: Gate, *, count: int) -> list[str]:
    """The breaks that a gate lets through."""
    return [
        said
        for said, contract in broken_contracts(SEED, count)
        if not any(one.is_break for one in gate(RELEASED, contract))
    ]


def test_no_break_with_a_release_is_let_through(form: Form, figure: Figure) -> None:
    count = form.pick(short=200, long=2000)

    passed = missed(compare, count=count)

    assert passed == [], f"seed {SEED}"
    control = len(missed(compare_names, count=count))
    figure("partners.gate.breaks_missed", len(passed), control=control, seed=SEED)


@pytest.mark.parametrize("name", sorted(RELEASED.schemas))
def test_whatever_passes_is_safe_by_a_containment_checker_as_well(name: str) -> None:
    old = RELEASED.schemas[name]
    tried = 0
    for mutation in (*BREAKING, *WIDENING, *WIDENING_OTHERWISE, *ADDING):
        for seed in range(3):
            contract = with_schema(Random(seed), name, mutation)
            if contract is None:
                continue
            tried += 1
            if not any(one.is_break for one in compare(RELEASED, contract)):
                new = contract.schemas[name]
                assert proven_safe(old, new, is_read_by_all=not is_request(name)), mutation.__name__

    assert tried > 20


@pytest.mark.parametrize("change", ADDING_CONTRACT.values(), ids=ADDING_CONTRACT)
def test_a_new_type_channel_or_header_passes(
    change: Callable[[Random, Contract], Contract],
) -> None:
    for seed in range(10):
        found = compare(RELEASED, change(Random(seed), RELEASED))

        assert found
        assert not [one for one in found if one.is_break]


@pytest.mark.parametrize("mutation", [*ADDING, *WIDENING], ids=lambda one: one.__name__)
def test_an_addition_passes_where_every_reader_can_live_with_it(mutation: Mutation) -> None:
    tried = 0
    for name in sorted(RELEASED.schemas):
        if mutation in WIDENING and not is_request(name):
            continue
        contract = with_schema(Random(SEED), name, mutation)
        if contract is not None:
            tried += 1
            assert [one for one in compare(RELEASED, contract) if one.is_break] == []

    # No request of version 1 has a bound that could be wider.
    assert tried or mutation.__name__ in ("widen_bound", "drop_bound")


def test_what_the_code_describes_breaks_nothing_that_was_released() -> None:
    assert len(RELEASED.schemas) >= 39
    assert len(RELEASED.channels) >= 39
    assert [str(one) for one in compare(RELEASED, current()) if one.is_break] == []


def test_the_command_names_what_breaks_and_what_is_new(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release = tmp_path / "1.10"
    shutil.copytree(newest_release(), release)
    shutil.copytree(newest_release(), tmp_path / "1.9")
    accept = release / "schemas/requests/ml.siraba.referral.accept.v1.json"
    schema = json.loads(accept.read_text())
    schema["properties"]["bed"] = {"type": "string"}
    accept.write_text(json.dumps(schema))
    (release / "schemas/requests/ml.siraba.referral.start.v1.json").unlink()

    code = main(["--released", str(tmp_path), "--additions"])

    said = capsys.readouterr().out
    assert code == 1
    assert "BREAKS requests/ml.siraba.referral.accept.v1 body.bed: gone" in said
    assert "adds requests/ml.siraba.referral.start.v1: new" in said
    assert "1 breaks with 1.10" in said
    assert "raise VERSION" in said, "the next version is below that release"


def test_the_next_version_is_named_as_soon_as_something_was_added(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(newest_release(), tmp_path / VERSION)

    assert main(["--released", str(tmp_path)]) == 1

    said = capsys.readouterr().out
    assert "0 breaks" in said
    assert "raise VERSION" in said


def test_a_release_without_a_contract_is_no_release(tmp_path: Path) -> None:
    (tmp_path / "1.0").mkdir()

    with pytest.raises(ValueError, match="no released contract"):
        main(["--released", str(tmp_path)])
