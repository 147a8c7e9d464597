"""Writes docs/configuration.md from the settings themselves: `python -m deploy.settings_reference`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from chassis.settings import ServiceSettings
from deploy.settings import FrontSettings, MetricsSettings, PlatformSettings, RunSettings
from services.intake.settings import IntakeSettings
from services.referral.settings import ReferralSettings

PAGE: Final = Path(__file__).parent.parent / "docs" / "configuration.md"
_ROOT: Final = Path(__file__).parent
#: Who reads what; what a service shares with all is told once.
_READERS: Final[tuple[tuple[str, type[BaseSettings]], ...]] = (
    ("`siraba up` and the commands beside it", PlatformSettings),
    ("`siraba run SERVICE` and `siraba front`: where it listens", RunSettings),
    ("`siraba run SERVICE`: what it works with", ServiceSettings),
    ("`siraba run intake`: how much it takes, and where the vault's keys lie", IntakeSettings),
    (
        "`siraba run referral`: by whom notices go, and how often signing in is tried",
        ReferralSettings,
    ),
    ("`siraba front`", FrontSettings),
    ("`siraba metrics`", MetricsSettings),
)


def reference() -> str:
    """The page as it must be."""
    lines = [
        "# Configuration",
        "",
        "Written from the settings by `python -m deploy.settings_reference`; change them, not this.",
        "Everything is an environment variable. `siraba up` sets what its services need.",
    ]
    for reader, settings in _READERS:
        lines += ["", f"## {reader}", "", "| variable | default | what |", "|---|---|---|"]
        lines += _rows(settings)
    return "\n".join(lines) + "\n"


def _rows(settings: type[BaseSettings]) -> Iterator[str]:
    prefix = settings.model_config.get("env_prefix", "")
    shared = ServiceSettings.model_fields if settings is not ServiceSettings else {}
    for name, field in settings.model_fields.items():
        if name in shared and issubclass(settings, ServiceSettings):
            continue
        variable = f"{prefix}{name}".upper()
        yield f"| `{variable}` | {_default(field)} | {_meaning(field)} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value: Any = field.default
    if isinstance(value, Path) and value.is_relative_to(_ROOT):
        return f"`{value.relative_to(_ROOT.parent)}`"
    return "none" if value in (None, (), {}) else f"`{value}`"


def _meaning(field: FieldInfo) -> str:
    secret = "Secret. " if "SecretStr" in str(field.annotation) else ""
    return f"{secret}{field.description}".replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
