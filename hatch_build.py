"""Compile the interface's catalogues when the package is built or installed for editing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LOCALES = Path("src/tui/locale")


def compile_catalogues(root: Path) -> list[Path]:
    """Write a ``.mo`` beside every ``.po`` below ``root``, where it is missing or older."""
    made = []
    for source in sorted((root / LOCALES).glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        made.append(target)
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as stream:
            catalogue = read_po(stream, abort_invalid=True)
        with target.open("wb") as stream:
            write_mo(stream, catalogue)
    return made


class Catalogues(BuildHookInterface):  # type: ignore[type-arg]
    """hatchling calls this before it packs the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and take the results along although git ignores them."""
        for path in compile_catalogues(Path(self.root)):
            build_data["artifacts"].append(path.relative_to(self.root).as_posix())
