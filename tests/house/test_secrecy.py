"""No model of ours may repeat in an error what it was given."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import pytest
from pydantic import BaseModel

import chassis
import contracts
import deploy
import partners
import services

pytestmark = pytest.mark.share("sealed")
OURS = (chassis, contracts, deploy, partners, services)


def imported(package: ModuleType) -> Iterator[ModuleType]:
    """Every module of a package; migrations and `python -m` programs run when they are imported."""
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".migrations" not in found.name and not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def kinds_of(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for below in kind.__subclasses__():
        yield below
        yield from kinds_of(below)


def test_no_model_and_no_settings_repeat_in_an_error_what_they_were_given() -> None:
    for package in OURS:
        assert list(imported(package))
    names = {package.__name__ for package in OURS}
    ours = [kind for kind in kinds_of(BaseModel) if kind.__module__.partition(".")[0] in names]

    assert len(ours) > 50
    loud = {
        f"{k.__module__}.{k.__name__}"
        for k in ours
        if not k.model_config.get("hide_input_in_errors")
    }
    assert not loud
