"""Folders of this person on this machine, as each system has them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

STATE_FOLDER = ".dataprep"
"""The folder of what is ours, inside a project."""


def data_home() -> Path:
    """The folder of this person's things that dataprep keeps on this machine."""
    if sys.platform == "win32":
        return _windows("LOCALAPPDATA", "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "dataprep"
    return Path(os.environ.get("XDG_DATA_HOME", "~/.local/share")).expanduser() / "dataprep"


def config_home() -> Path:
    """The folder of this person's preferences."""
    if sys.platform == "win32":
        return _windows("APPDATA", "Roaming")
    if sys.platform == "darwin":
        return data_home()
    return Path(os.environ.get("XDG_CONFIG_HOME", "~/.config")).expanduser() / "dataprep"


def _windows(variable: str, folder: str) -> Path:
    named = os.environ.get(variable)
    return (Path(named) if named else Path.home() / "AppData" / folder) / "dataprep"
