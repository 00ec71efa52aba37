"""Tiny taggers in every family's contract, and their makers' recipes written out plainly."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from dataprep.vocabulary import Entry
from tests.tiny_onnx import write_network

Floats = npt.NDArray[np.float32]

GENERAL = ["1girl", "solo", "long_hair", "red_eyes", "^_^", "blue_sky", "hat", "smile", "cloud"]
GENERAL += ["white_background", "tree", "holding", "standing", "open_mouth", "water", "night"]
WHITE = (255, 255, 255)


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    rng = np.random.default_rng(width * 10_007 + height)
    return Image.fromarray(rng.integers(0, 256, (height, width, len(mode)), np.uint8), mode)


def on_white(image: Image.Image) -> Image.Image:
    canvas = Image.new("RGBA", image.size, WHITE)
    canvas.alpha_composite(image.convert("RGBA"))
    return canvas.convert("RGB")


def padded(image: Image.Image, size: int) -> Floats:
    """On white, a centred white square, bicubic: RGB levels as floats, (size, size, 3)."""
    side = max(image.size)
    square = Image.new("RGB", (side, side), WHITE)
    square.paste(on_white(image), ((side - image.width) // 2, (side - image.height) // 2))
    return np.asarray(square.resize((size, size), Image.Resampling.BICUBIC), np.float32)


def planes(levels: Floats) -> Floats:
    return levels.transpose(2, 0, 1)


def wd_input(image: Image.Image) -> Floats:
    return planes(padded(image, 448)[:, :, ::-1])


def cl_input(image: Image.Image) -> Floats:
    return planes(padded(image, 448)[:, :, ::-1]) / np.float32(127.5) - 1


def joytag_input(image: Image.Image) -> Floats:
    mean = np.array([0.48145466, 0.4578275, 0.40821073])
    std = np.array([0.26862954, 0.26130258, 0.27577711])
    return planes(np.asarray((padded(image, 448) / 255 - mean) / std, np.float32))


def pixai_input(image: Image.Image) -> Floats:
    square = on_white(image).resize((448, 448), Image.Resampling.BILINEAR)
    return planes((np.asarray(square, np.float32) / 255 - np.float32(0.5)) / np.float32(0.5))


def camie_input(image: Image.Image) -> Floats:
    ratio = image.width / image.height
    size = (512, int(512 / ratio)) if ratio > 1 else (int(512 * ratio), 512)
    small = on_white(image).resize(size, Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", (512, 512), (124, 116, 104))
    canvas.paste(small, ((512 - size[0]) // 2, (512 - size[1]) // 2))
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    return planes(np.asarray((np.asarray(canvas) / 255 - mean) / std, np.float32))


def edged(image: Image.Image, resample: Image.Resampling) -> Floats:
    """Within a square of 512, every pixel outside the one of the picture that is nearest."""
    longest = max(image.size)
    width, height = image.width * 512 // longest, image.height * 512 // longest
    small = np.asarray(on_white(image).resize((width, height), resample), np.float32)
    rows = np.clip(np.arange(512) - (256 - height // 2), 0, height - 1)
    across = np.clip(np.arange(512) - (256 - width // 2), 0, width - 1)
    return small[rows][:, across] / 255


def deepdanbooru_input(image: Image.Image) -> Floats:
    return planes(edged(image, Image.Resampling.BOX))


@dataclass(frozen=True)
class Case:
    """A family's contract as its makers state it."""

    folder: str
    """As a model of the family is called."""
    model_file: str
    layout: str
    side: int | str
    heads: dict[str, str]
    seen: Callable[[Image.Image], Floats]
    write_tags: Callable[[Path], list[Entry]]
    full: float = 1
    wanted: str = "probabilities"
    """The kind of the output that counts; the other heads must not be taken."""


def table(path: Path, header: str, rows: list[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header.split(","))
        writer.writerows(rows)


def wd_tags(folder: Path) -> list[Entry]:
    ratings = ["general", "sensitive", "questionable", "explicit"]
    entries = [Entry(name, "rating", 10) for name in ratings]
    entries += [Entry(name, "general", 5) for name in GENERAL]
    entries += [Entry("hatsune_miku", "character", 3)]
    numbers = {"rating": 9, "general": 0, "character": 4}
    rows = [(n, one.tag, numbers[one.category], one.pictures) for n, one in enumerate(entries)]
    table(folder / "selected_tags.csv", "tag_id,name,category,count", list(rows))
    return entries


def z3d_tags(folder: Path) -> list[Entry]:
    numbers = {0: "general", 1: "artist", 3: "copyright", 4: "character", 5: "species", 7: "meta"}
    numbers[8] = "lore"
    rows = [(n, name, 0, 9) for n, name in enumerate(GENERAL)]
    rows += [(99, f"of kind {number}", number, 7) for number in numbers]
    table(folder / "tags-selected.csv", "id,name,category,post_count", list(rows))
    return [Entry(name, numbers[kind], count) for _, name, kind, count in rows]  # type: ignore[arg-type]


def pixai_tags(folder: Path) -> list[Entry]:
    rows = [(n, n + 40, name, 0, 8, "[]") for n, name in enumerate(GENERAL)]
    rows.append((77, 1, "hatsune_miku", 4, 6, '["vocaloid", "project sekai"]'))
    table(folder / "selected_tags.csv", "id,tag_id,name,category,count,ips", list(rows))
    return [Entry(row[2], "character" if row[3] else "general", row[4]) for row in rows]


def deepdanbooru_tags(folder: Path) -> list[Entry]:
    ratings = ["rating:safe", "rating:questionable", "rating:explicit"]
    (folder / "tags.txt").write_text("\n".join([*GENERAL, "hatsune_miku", *ratings]) + "\n")
    entries = [Entry(name, "general") for name in [*GENERAL, "hatsune_miku"]]
    return entries + [Entry(name, "rating") for name in ratings]


def joytag_tags(folder: Path) -> list[Entry]:
    (folder / "top_tags.txt").write_text("\n".join(GENERAL) + "\n", encoding="utf-8")
    return [Entry(name, "general") for name in GENERAL]


CL = ["Rating", "General", "Character", "Copyright", "Meta", "Model", "Quality", "Artist"]
CAMIE = ["general", "character", "copyright", "artist", "meta", "rating", "year"]


def kinds(names: list[str]) -> list[tuple[str, str]]:
    """Tags of every category, not sorted by it."""
    more = [(f"of {name}", name) for name in names]
    first = names[1] if names is CL else names[0]
    return [*((tag, first) for tag in GENERAL[:6]), *more, *((tag, first) for tag in GENERAL[6:])]


def cl_tags(folder: Path) -> list[Entry]:
    rows = kinds(CL)
    data = {str(n): {"tag": tag, "category": kind} for n, (tag, kind) in enumerate(rows)}
    # numbers as text sort as 0, 1, 10, 11, 2
    data = dict(sorted(data.items()))
    (folder / "tag_mapping.json").write_text(json.dumps(data), encoding="utf-8")
    return [Entry(tag, kind.lower()) for tag, kind in rows]  # type: ignore[arg-type]


def cl_tags_in_two_tables(folder: Path) -> list[Entry]:
    rows = kinds(CL)
    data = {
        "idx_to_tag": {n: tag for n, (tag, _) in enumerate(rows)},
        "tag_to_category": dict(rows),
    }
    (folder / "tag_mapping.json").write_text(json.dumps(data), encoding="utf-8")
    return [Entry(tag, kind.lower()) for tag, kind in rows]  # type: ignore[arg-type]


def camie_tags(folder: Path) -> list[Entry]:
    rows = kinds(CAMIE)
    mapping = {
        "idx_to_tag": {str(n): tag for n, (tag, _) in enumerate(rows)},
        "tag_to_category": dict(rows),
    }
    data = {"model_info": {"img_size": 512}, "dataset_info": {"tag_mapping": mapping}}
    path = folder / "camie-tagger-v2-metadata.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return [Entry(tag, kind) for tag, kind in rows]  # type: ignore[arg-type]


TWO = {"first": "negated", "refined": "logits"}
THREE = {"embedding": "flat", "logits": "logits", "prediction": "probabilities"}
ONE, RAW = {"output": "probabilities"}, {"output": "logits"}
CASES = {
    "wd14": Case("wd-vit-tagger-v3", "model.onnx", "NHWC", 448, ONE, wd_input, wd_tags, full=255),
    "z3d-e621": Case(
        "Z3D-E621-Convnext", "model.onnx", "NHWC", 448, ONE, wd_input, z3d_tags, full=255
    ),
    "deepdanbooru": Case(
        "deepdanbooru",
        "deepdanbooru.onnx",
        "NHWC",
        512,
        ONE,
        deepdanbooru_input,
        deepdanbooru_tags,
    ),
    "cl_tagger": Case(
        "cl_tagger_1_02", "model.onnx", "NCHW", 448, RAW, cl_input, cl_tags, wanted="logits"
    ),
    "camie": Case(
        "camie-tagger-v2",
        "camie-tagger-v2.onnx",
        "NCHW",
        512,
        TWO,
        camie_input,
        camie_tags,
        wanted="logits",
    ),
    "pixai": Case("pixai-tagger-v0.9", "model.onnx", "NCHW", 448, THREE, pixai_input, pixai_tags),
    "joytag": Case(
        "joytag", "model.onnx", "NCHW", 448, RAW, joytag_input, joytag_tags, wanted="logits"
    ),
}


def write_case(folder: Path, case: Case) -> list[Entry]:
    folder.mkdir(parents=True)
    entries = case.write_tags(folder)
    write_network(
        folder / case.model_file,
        len(entries),
        side=case.side,
        layout=case.layout,
        heads=case.heads,
        full=case.full,
    )
    return entries


PICTURES = [noise(90, 60), noise(300, 701), noise(640, 433, "RGBA"), noise(500, 500), noise(7, 1)]
