import ast
import itertools
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.partners.node import EXAMPLE

pytestmark = pytest.mark.share("operators")

ROOT = Path(__file__).parents[2]
HEAVY = ("chassis", "deploy", "fastapi", "faststream", "services", "sqlalchemy")


def test_the_wheel_holds_the_kit_and_its_contracts_and_nothing_of_the_services(
    tmp_path: Path,
) -> None:
    build = ("-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    subprocess.run([sys.executable, *build], cwd=ROOT / "partners", check=True, capture_output=True)

    (wheel,) = tmp_path.glob("siraba_partner-*.whl")
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    wanted = [
        path.relative_to(ROOT).as_posix()
        for folder in (
            "contracts",
            "partners/kit",
            "partners/verify",
            "partners/conformance",
            "partners/examples",
        )
        for path in (ROOT / folder).rglob("*.*")
        if path.suffix in (".py", ".csv") or path.parent == EXAMPLE
    ]
    assert not set(wanted) - names
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        "contracts",
        "partners",
    }
    assert not [name for name in names if "__pycache__" in name or "node_modules" in name]


def test_the_kit_loads_no_web_framework_and_no_service() -> None:
    program = (
        "import sys, partners.kit.cli, partners.conformance.command, partners.examples.answering;"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert shown.stdout.strip() == "[]"


def test_every_package_that_it_imports_is_declared() -> None:
    """Here everything is installed; on a partner's machine only what the wheel asks for is."""
    project = tomllib.loads((ROOT / "partners" / "pyproject.toml").read_text())["project"]
    lines = itertools.chain(project["dependencies"], *project["optional-dependencies"].values())
    declared = {word for line in lines for word in re.findall(r"[a-z-]{3,}", line)}
    modules = [
        *(ROOT / "contracts").rglob("*.py"),
        *(path for path in (ROOT / "partners").rglob("*.py") if "node_modules" not in path.parts),
    ]
    # pydantic and its core are one thing in two packages.
    ours = {"contracts", "partners", "pydantic_core"}
    imported = {name for path in modules for name in _imported(path)}
    packages = packages_distributions()

    assert not [
        name
        for name in sorted(imported - sys.stdlib_module_names - ours)
        if declared.isdisjoint(package.lower() for package in packages[name])
    ]


def _imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {name.split(".")[0] for name in names}
