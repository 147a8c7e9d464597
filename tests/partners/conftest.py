from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from partners.kit import keys
from tests.partners.platform import CODES, Platform
from tests.signing import write_platform_keys


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """A folder with keys for each organisation."""
    made = {code: tmp_path / "partners" / code for code in CODES}
    for code, folder in made.items():
        keys.init(folder, code=code)
        write_platform_keys(folder)
    return made


@pytest.fixture
def shelter(folders: dict[str, Path]) -> Path:
    return folders["SHELTER_A"]


@pytest.fixture
async def platform(tmp_path: Path, folders: dict[str, Path]) -> AsyncIterator[Platform]:
    """A running server that knows both organisations and has made their feeds."""
    server = Platform(tmp_path)
    server.configure({code: keys.load(f).public()["nkey"] for code, f in folders.items()})
    await server.start()
    try:
        await server.provision()
        yield server
    finally:
        server.kill()
