"""The training folder in kohya's layout: ``img/N_concept``, ``reg``, ``log``, ``model``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

TRAIN_FILE = "train.toml"
IMAGES, REGULAR, MASKS = "img", "reg", "mask"
FOLDERS = (IMAGES, REGULAR, "log", "model")


def make(out: Path) -> None:
    """Make the folders that every training folder has."""
    for name in FOLDERS:
        (out / name).mkdir(parents=True, exist_ok=True)


def parse_folder(name: str) -> tuple[int, str] | None:
    """Repeats and concept out of ``N_concept``; None for any other name, and for 0 repeats."""
    number, separator, concept = name.partition("_")
    if not separator or not number.isascii() or not number.isdigit() or int(number) == 0:
        return None
    return int(number), concept


def siblings(folder: Path) -> list[Path]:
    """Folders of the same concept with another number of repeats."""
    found = []
    for path in sorted(folder.parent.glob("*_*")):
        number, _, name = path.name.partition("_")
        if number.isdigit() and name == folder.name.partition("_")[2] and path != folder:
            found.append(path)
    return found


def target_names(names: Iterable[str]) -> dict[str, str]:
    """Each source picture's stem in the flat training folder.

    ``sub/a.png`` becomes ``sub_a``; of ``a.jpg`` and ``a.png`` the second becomes ``a-2``.
    Case is ignored, for folders that are copied to Windows.
    """
    taken: set[str] = set()
    stems: dict[str, str] = {}
    for name in sorted(names):
        base = stem = str(PurePosixPath(name).with_suffix("")).replace("/", "_")
        number = 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{base}-{number}"
        taken.add(stem.casefold())
        stems[name] = stem
    return stems
