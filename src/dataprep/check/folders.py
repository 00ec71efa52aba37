"""The layout of a training folder: which pictures a trainer will find, and which it will not."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dataprep.check.findings import Hit
from dataprep.check.trainfile import TrainFile, find_train_file, read_train_file
from dataprep.errors import UsageError
from dataprep.images import is_picture
from dataprep.layout import IMAGES, REGULAR, TRAIN_FILE, parse_folder

LOWER = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})
SEEN = LOWER | {ending.upper() for ending in LOWER}
"""Endings that kohya's trainers read where case matters."""
ASIDE = frozenset(
    {"log", "logs", "mask", "masks", "model", "models", "output", "reg", "sample", "samples"}
)
"""Folders that lie beside the pictures and hold none to train on."""
REPEATS = 10
"""What is suggested where a folder's name does not say."""


@dataclass(slots=True)
class Layout:
    """What was found in a training folder."""

    root: Path
    file: TrainFile = field(default_factory=TrainFile)
    folders: list[Path] = field(default_factory=list)
    """Folders whose pictures are judged."""
    reg: list[Path] = field(default_factory=list)
    """Those of regularization images among them."""
    hits: list[Hit] = field(default_factory=list)

    def name(self, path: Path) -> str:
        """A path as it is shown: from the root, with forward slashes; empty for the root."""
        return "" if path == self.root else Path(os.path.relpath(path, self.root)).as_posix()

    def pictures(self) -> list[str]:
        """The pictures of all folders, sorted."""
        found = {path for folder in self.folders for path in pictures_in(folder)}
        return sorted(self.name(path) for path in found)


def is_training(root: Path) -> bool:
    """Whether a folder was made, or meant, for a trainer rather than as a place for originals."""
    if (root / TRAIN_FILE).is_file():
        return True
    if parse_folder(root.name) and pictures_in(root):
        return True
    folders = _folders(root)
    if (root / IMAGES).is_dir() or (root.name == IMAGES and folders and not pictures_in(root)):
        return True
    return any(_is_numbered(path.name) and pictures_in(path) for path in folders)


def read_layout(root: Path) -> Layout:
    """Find what a trainer would find in a folder, and what is wrong with its layout."""
    layout = Layout(root)
    data = _read_settings(layout)
    if data is not None and not layout.file.subsets:
        _read_data(layout, data)
    _read_reg(layout, layout.file.reg or root / REGULAR)
    layout.hits += [hit for folder in layout.folders for hit in _unseen(layout, folder)]
    return layout


def pictures_in(folder: Path) -> list[Path]:
    """The pictures directly in a folder, by their endings in any case."""
    return sorted(
        path
        for path in folder.iterdir()
        if is_picture(path.name) and not path.name.startswith(".") and path.is_file()
    )


def suggested(name: str) -> str:
    """A folder name that trainers read: "CROP" gives "10_CROP", "zumi-5" gives "5_zumi"."""
    before = re.fullmatch(r"[+-]?([0-9]+)[\s_-]*(.*)", name)
    behind = re.fullmatch(r"(.+?)[\s_-]+([0-9]+)", name)
    if before:
        number, concept = before.groups()
    elif behind:
        concept, number = behind.groups()
    else:
        number, concept = "", name
    return f"{int(number or 0) or REPEATS}_{concept or 'concept'}"


def _read_settings(layout: Layout) -> Path | None:
    """Take in the trainer's own file; returns the folder of its ``N_concept`` folders."""
    root = layout.root
    try:
        path = find_train_file(root)
        layout.file = _about(read_train_file(path), root) if path else TrainFile()
    except (UsageError, ValueError, TypeError) as error:
        text = error.message if isinstance(error, UsageError) else str(error)
        layout.hits.append(Hit("bad-config", "", text))
    file = layout.file
    for folder in file.subsets:
        _take_subset(layout, folder)
    if file.path is not None and file.path.parent == root and file.data is not None:
        if file.data.is_dir():
            return file.data
        detail = f"train_data_dir = {str(file.data)!r}: no such folder"
        layout.hits.append(Hit("bad-config", file.path.name, detail))
        return None
    return root / IMAGES if (root / IMAGES).is_dir() else root


def _about(file: TrainFile, root: Path) -> TrainFile:
    """A settings file as it counts for ``root``; one that lies above may be about other folders."""
    beside = file.path is not None and file.path.parent == root
    above = file.data is not None and root.is_relative_to(file.data.resolve())
    return file if beside or above else TrainFile()


def _take_subset(layout: Layout, folder: Path) -> None:
    if folder.is_dir():
        layout.folders.append(folder)
    else:
        name = layout.file.path.name if layout.file.path else ""
        layout.hits.append(Hit("bad-config", name, f"image_dir = {str(folder)!r}: no such folder"))


def _read_data(layout: Layout, data: Path) -> None:
    """The concept folders of ``train_data_dir``; what is no such folder is a finding."""
    named = [path for path in _folders(data) if parse_folder(path.name)]
    if not named and parse_folder(data.name) and pictures_in(data):
        _take_leaf(layout, data)
        return
    inner = [path for path in _folders(data) if any(parse_folder(p.name) for p in _folders(path))]
    inner = [path for path in inner if path not in named and path.name not in ASIDE]
    if not named and len(inner) == 1:
        fix = f"give the folder inside: dataprep check {shlex.quote(str(inner[0]))}"
        detail = f"the N_concept folders lie in {inner[0].name}"
        layout.hits.append(Hit("outer-folder", layout.name(data), detail, fix))
        data, named = inner[0], [path for path in _folders(inner[0]) if parse_folder(path.name)]
    for folder in _folders(data):
        _take_folder(layout, folder)
    _take_loose(layout, data, bool(named))


def _take_leaf(layout: Layout, data: Path) -> None:
    """A concept folder that was given in place of the folder it lies in."""
    detail = f"this is a concept folder itself: give {data.parent}"
    fix = f"give its parent, and check that: dataprep check {shlex.quote(str(data.parent))}"
    if layout.file.path is not None and layout.file.data == data:
        fix = f"set train_data_dir = {str(data.parent)!r} in {layout.file.path.name}"
    layout.hits.append(Hit("leaf-folder", layout.name(data), detail, fix))
    layout.folders.append(data)
    layout.hits += _nested(layout, data)


def _take_folder(layout: Layout, folder: Path) -> None:
    """One folder beside others: a concept, or one that is left out for its name."""
    found = pictures_in(folder)
    if parse_folder(folder.name):
        layout.folders.append(folder)
        if not found:
            layout.hits.append(Hit("empty-folder", layout.name(folder)))
        layout.hits += _nested(layout, folder)
    elif found and folder.name not in ASIDE:
        target = _free(folder.with_name(suggested(folder.name)))
        fix = f"mv {shlex.quote(str(folder))} {shlex.quote(str(target))}"
        detail = f"{len(found)} pictures are left out; call it {target.name}"
        layout.hits.append(Hit("no-prefix", layout.name(folder), detail, fix))
        layout.folders.append(folder)


def _take_loose(layout: Layout, data: Path, has_concepts: bool) -> None:
    """Pictures that lie beside the concept folders, or instead of them."""
    loose = pictures_in(data)
    if has_concepts:
        layout.hits += [Hit("loose-pictures", layout.name(path)) for path in loose]
        return
    if loose:
        layout.folders.append(data)
        detail = f"{len(loose)} pictures lie here, not in a folder named like 10_concept"
        target = data / suggested(data.name)
        place, goal = shlex.quote(str(data)), shlex.quote(str(target))
        fix = f"dataprep export {place} OUT --concept {shlex.quote(data.name)}"
        fix += f", or move them into {goal}"
        layout.hits.append(Hit("no-concept-folder", layout.name(data), detail, fix))
    else:
        there = ", ".join(path.name for path in _folders(data)[:5]) or "no folder"
        renamed = next((hit.fix for hit in layout.hits if hit.kind == "no-prefix"), "")
        layout.hits.append(
            Hit("no-concept-folder", layout.name(data), f"there is: {there}", renamed)
        )


def _read_reg(layout: Layout, folder: Path) -> None:
    """Folders of regularization images: the same rules, but captions are not needed."""
    if folder.is_dir():
        before = set(layout.folders)
        for concept in _folders(folder):
            _take_folder(layout, concept)
        layout.reg += [path for path in layout.folders if path not in before]


def _nested(layout: Layout, folder: Path) -> Iterator[Hit]:
    for place, folders, _ in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found = pictures_in(Path(place))
        if found and Path(place) != folder:
            yield Hit(
                "nested-pictures", layout.name(Path(place)), f"{len(found)} pictures are not read"
            )


def _unseen(layout: Layout, folder: Path) -> Iterator[Hit]:
    for path in pictures_in(folder):
        if path.suffix in SEEN:
            continue
        lower = path.suffix.lower()
        detail = f"{path.suffix} is not read"
        if lower in LOWER:
            detail += f": call it {path.with_suffix(lower).name}"
        elif lower in {".avif", ".jxl"}:
            detail += " without a plugin"
        yield Hit("unseen-extension", layout.name(path), detail)


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _is_numbered(name: str) -> bool:
    """Whether a name was meant to hold repeats: it begins or ends with a number."""
    return re.match(r"[+-]?[0-9]+([\s_-]|$)", name) is not None


def _free(path: Path) -> Path:
    """The path, with a number behind it while another has that name."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free
