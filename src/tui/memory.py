"""What the screens remember of one project between two openings: ``.dataprep/tui.json``.

Nothing in it is worth a complaint: a file that cannot be read counts as empty.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dataprep import files
from dataprep.homes import STATE_FOLDER

FILE = "tui.json"


class Memory:
    """Small JSON values by name, written when the screens close or a room is left."""

    def __init__(self, root: Path) -> None:
        self._path = root / STATE_FOLDER / FILE
        self._values: dict[str, Any] = {}
        self._saved: dict[str, Any] = {}
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = {}
        if isinstance(found, dict):
            self._values, self._saved = found, dict(found)

    def get(self, name: str, default: Any) -> Any:
        """A value, or the default where there is none or one of another type."""
        value = self._values.get(name, default)
        return value if isinstance(value, type(default)) else default

    def put(self, name: str, value: Any) -> None:
        """Remember a JSON value."""
        self._values[name] = value

    def save(self) -> None:
        """Write what has changed. Raises ``OSError``."""
        if self._values != self._saved:
            files.write_text(self._path, json.dumps(self._values, ensure_ascii=False, indent=1))
            self._saved = dict(self._values)
