"""What a person prefers on this machine, in every project: ``tui.toml`` in the config folder."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from dataprep import files
from dataprep.errors import UsageError
from dataprep.homes import config_home, data_home

FILE = "tui.toml"
RECENT = "recent.json"
MOST_RECENT = 20
Show = Literal["auto", "kitty", "sixel", "halfcell", "off"]
SHOWS: tuple[Show, ...] = get_args(Show)


@dataclass(frozen=True, slots=True)
class Prefs:
    """Preferences; ``dataprep tui`` reads them once at its start."""

    theme: str = "textual-dark"
    """A theme of Textual's, such as textual-light or ansi-dark."""
    language: str = "auto"
    """A code of ``words.LANGUAGES``, or "auto": as the system's locale says."""
    preview: Show = "auto"
    """How pictures are drawn."""
    lora_folder: str = ""
    """Where ``pick`` copies LoRA files to, such as A1111's models/Lora."""
    expert: bool = False
    """Show every setting of the trainer, not ten."""
    keys: dict[str, str] = field(default_factory=dict)
    """Id of a binding → the keys that do it instead, with commas between."""


def path() -> Path:
    """Where the preferences are kept."""
    return config_home() / FILE


def load() -> Prefs:
    """The preferences, or their defaults. Raises ``UsageError`` that names file and key."""
    where = path()
    if not where.is_file():
        return Prefs()
    try:
        table: dict[str, Any] = tomllib.loads(where.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"{where}: {error}", "mend the file, or remove it") from None
    return checked(table, where)


def checked(table: dict[str, Any], where: Path) -> Prefs:
    """Preferences out of a table. Raises ``UsageError`` for what is unknown or of a wrong kind."""
    known = {name: type(getattr(Prefs(), name)) for name in Prefs.__dataclass_fields__}
    for name, value in table.items():
        if name not in known:
            raise UsageError(f"{where}: unknown key '{name}'", "known: " + ", ".join(known))
        if not isinstance(value, known[name]):
            raise UsageError(f"{where}: {name}: must be a {known[name].__name__} (got {value!r})")
    if table.get("preview", "auto") not in SHOWS:
        raise UsageError(f"{where}: preview: must be one of {', '.join(SHOWS)}")
    if not all(isinstance(keys, str) for keys in table.get("keys", {}).values()):
        raise UsageError(f'{where}: keys: must be texts such as "f5" or "x,ctrl+e"')
    return replace(Prefs(), **table)


def remember(**values: Any) -> None:
    """Change some preferences in the file; its comments and all else stay."""
    # only who changes something waits for it to load
    import tomlkit

    where = path()
    where.parent.mkdir(parents=True, exist_ok=True)
    text = where.read_text(encoding="utf-8-sig") if where.is_file() else ""
    document = tomlkit.parse(text)
    document.update(values)
    files.write_text(where, tomlkit.dumps(document))


def recent() -> list[Path]:
    """The projects opened last, the newest first; folders that are gone are left out."""
    try:
        listed = json.loads((data_home() / RECENT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [Path(entry) for entry in listed if isinstance(entry, str) and Path(entry).is_dir()]


def note_opened(root: Path) -> None:
    """Put a project at the top of the recent ones."""
    here = root.resolve()
    rows = [here, *(known for known in recent() if known != here)][:MOST_RECENT]
    data_home().mkdir(parents=True, exist_ok=True)
    files.write_text(data_home() / RECENT, json.dumps([str(row) for row in rows], indent=1))


def forget(root: Path) -> None:
    """Take a project off the recent ones; its folder is not touched."""
    rows = [known for known in recent() if known != root]
    files.write_text(data_home() / RECENT, json.dumps([str(row) for row in rows], indent=1))
