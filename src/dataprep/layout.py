"""The training folder in kohya's layout: ``OUT/img/N_concept``, ``log``, ``model``, train.toml."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import tomlkit
from PIL import Image, PngImagePlugin
from tomlkit.items import Table

from dataprep import files
from dataprep.captions import tag_key
from dataprep.errors import DataprepError

SOURCE_KEY = "dataprep:source"
"""PNG text under which an exported picture carries what it was made of."""

TRAIN_FILE = "train.toml"
CAPTIONS_FILE = ".dataprep-captions.json"
"""In the training folder: what captions the exports wrote, so that a person's edits show."""

SECTIONS = {
    "model": "the base model, a diffusers folder",
    "dataset": "what is trained on",
    "network": "the size of the LoRA; effective learning rate = lr × alpha / dim",
    "training": "how long and how fast",
    "output": "where the LoRA goes",
    "concept": "what `dataprep score` measures",
}
SECTION_OF = {
    "pretrained_model_name_or_path": "model",
    "clip_skip": "model",
    "train_data_dir": "dataset",
    "caption_extension": "dataset",
    "resolution": "dataset",
    "keep_tokens": "dataset",
    "shuffle_caption": "dataset",
    "min_bucket_reso": "dataset",
    "max_bucket_reso": "dataset",
    "network_dim": "network",
    "network_alpha": "network",
    "output_dir": "output",
    "output_name": "output",
    "save_every_n_epochs": "output",
    "trigger_word": "concept",
    "pruned_tags": "concept",
    "kept_tags": "concept",
    "tagger": "concept",
}
"""Sections are for the reader; the trainer flattens them. Whatever is not here is training."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of a training folder."""

    out: Path
    concept: str
    repeats: int

    @property
    def images(self) -> Path:
        """``img/N_concept``."""
        return self.out / "img" / f"{self.repeats}_{self.concept}"

    @property
    def train_file(self) -> Path:
        """``train.toml``."""
        return self.out / TRAIN_FILE

    def make(self) -> None:
        """Make the folders; a folder of the same concept with other repeats is renamed."""
        for name in ("img", "log", "model"):
            (self.out / name).mkdir(parents=True, exist_ok=True)
        for other in self.siblings():
            if not self.images.exists():
                other.rename(self.images)
        self.images.mkdir(exist_ok=True)
        files.sweep(self.images)

    def siblings(self) -> list[Path]:
        """Folders of the same concept with another number of repeats."""
        found = []
        for path in sorted((self.out / "img").glob("*_*")):
            number, _, name = path.name.partition("_")
            if number.isdigit() and name == self.concept and path != self.images:
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


def save_picture(image: Image.Image, path: Path, source: str) -> None:
    """Write a PNG that carries its source key; quick compression, atomically."""
    info = PngImagePlugin.PngInfo()
    info.add_text(SOURCE_KEY, source)
    files.save(path, lambda temp: image.save(temp, "PNG", pnginfo=info, compress_level=1))


def source_of(path: Path) -> str | None:
    """The source key of a picture that ``save_picture`` wrote; None for any other file."""
    try:
        with Image.open(path) as image:
            return image.info.get(SOURCE_KEY)
    except (OSError, SyntaxError):
        return None


def digest(data: bytes) -> str:
    """By this an exported caption is known again."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def read_captions(out: Path) -> dict[str, list[str]]:
    """File name → digests of what exports wrote under it; whatever else stands there is a person's.

    A damaged record is an empty one: then every caption that differs is taken for a person's.
    """
    try:
        return dict(json.loads((out / CAPTIONS_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def write_captions(out: Path, digests: Mapping[str, list[str]]) -> None:
    """Remember the digests, if they are other than before."""
    if read_captions(out) != digests:
        files.write_text(out / CAPTIONS_FILE, json.dumps(dict(digests), ensure_ascii=False))


def write_train_file(
    path: Path, facts: Mapping[str, object], defaults: Mapping[str, object]
) -> None:
    """Write or update train.toml; what a person wrote into it stays.

    ``facts`` are set anew each time; ``defaults`` only where the key is not there yet.
    """
    document = _parsed(path)
    present = {key for table in document.values() if isinstance(table, Table) for key in table}
    fresh = {key: value for key, value in defaults.items() if key not in present}
    order = list(SECTIONS)
    values = {**fresh, **facts}
    for key in sorted(values, key=lambda key: order.index(SECTION_OF.get(key, "training"))):
        section = SECTION_OF.get(key, "training")
        if section not in document:
            document[section] = tomlkit.table().comment(SECTIONS[section])
        table = document[section]
        if isinstance(table, Table):
            table[key] = values[key]
    text = tomlkit.dumps(document)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        files.write_text(path, text)


def _parsed(path: Path) -> tomlkit.TOMLDocument:
    if not path.is_file():
        return tomlkit.document()
    try:
        return tomlkit.parse(path.read_text(encoding="utf-8"))
    except (tomlkit.exceptions.ParseError, UnicodeDecodeError) as error:
        raise DataprepError(f"{path}: {error}", "mend the line, or remove the file") from None


def kept_tags(frequency: list[tuple[str, int]], total: int, trigger: str, limit: int) -> list[str]:
    """The most frequent tags that stayed in the captions; the trigger is none of them."""
    often = [tag for tag, count in frequency if count * 2 >= total]
    return [tag for tag in often if tag_key(tag) != tag_key(trigger)][:limit]
