"""Measures the committed sample models: python -m sample_data.make.judge

Every number goes through the door users come in by: onnxruntime, rembg's session, a diffusers
pipeline loaded from the folder. Nothing here was trained on: the scenes have their own seeds.
"""

from __future__ import annotations

import argparse
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

from . import data
from .captions import caption, visible_tags
from .loop import MODELS, prepare
from .painter import paint
from .train_autoencoder import held_out_psnr
from .train_tagger import macro_f1
from .world import ZUMI_MARKS, ZUMI_TRIGGER, Scene, tags, zumi_scene

THRESHOLD = 0.35
SIZES = ((128, 128), (192, 256), (256, 192), (300, 420))


def held_out_scenes(count: int, seed: int = data.HELD_OUT_SEED) -> list[Scene]:
    """Scenes of all kinds, zumi among them."""
    return [data.any_scene(random.Random(f"judge/{seed}/{index}")) for index in range(count)]


def open_scenes(count: int, seed: int = data.HELD_OUT_SEED) -> list[Scene]:
    """Scenes of the kind the base model learned from."""
    return [data.open_scene(random.Random(f"judge/open/{seed}/{index}")) for index in range(count)]


def tagger_session(models: Path = MODELS) -> onnxruntime.InferenceSession:
    """The demo tagger on the CPU."""
    path = models / "demo-tagger" / "model.onnx"
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def scores(session: onnxruntime.InferenceSession, images: list[Image.Image]) -> np.ndarray:
    """The tagger's probabilities, with the preparation that every WD14 runner does."""
    return np.concatenate([session.run(["output"], {"input": _prepared(i)})[0] for i in images])


def _prepared(image: Image.Image) -> np.ndarray:
    square = data.square_on_white(image.convert("RGB"))
    large = square.resize((448, 448), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(large, np.float32)[None, :, :, ::-1])


def tagger_f1(scenes: list[Scene], models: Path = MODELS) -> tuple[float, dict[str, float]]:
    """Macro F1, and the F1 of each tag."""
    images = [paint(scene, *SIZES[at % len(SIZES)]).image for at, scene in enumerate(scenes)]
    found = scores(tagger_session(models), images)
    truth = np.stack([data.row_of(tags(scene)) for scene in scenes])
    each = {
        name: macro_f1(found[:, [row]], truth[:, [row]])
        for row, name in enumerate(data.NAMES)
        if truth[:, row].any()
    }
    return macro_f1(found, truth), each


@contextmanager
def matting_session(models: Path = MODELS) -> Iterator[Any]:
    """rembg's own session; it takes a custom file only from under its home."""
    from rembg import new_session

    before = os.environ.get("U2NET_HOME")
    home = (models / "demo-matting").resolve()
    os.environ["U2NET_HOME"] = str(home)
    try:
        yield new_session("u2net_custom", model_path=str(home / "model.onnx"))
    finally:
        del os.environ["U2NET_HOME"]
        if before is not None:
            os.environ["U2NET_HOME"] = before


def matting_iou(scenes: list[Scene], models: Path = MODELS) -> float:
    """The mean IoU of what rembg predicts, both halved at 128."""
    with matting_session(models) as session:
        return float(np.mean([_iou(session, scene, at) for at, scene in enumerate(scenes)]))


def _iou(session: Any, scene: Scene, at: int) -> float:
    painted = paint(scene, *SIZES[at % len(SIZES)])
    said = np.asarray(session.predict(painted.image)[0]) >= 128
    true = np.asarray(painted.mask) >= 128
    return float((said & true).sum() / max(1, (said | true).sum()))


def pipeline(models: Path = MODELS) -> StableDiffusionPipeline:
    """The demo base as any tool would load it."""
    loaded = StableDiffusionPipeline.from_pretrained(models / "demo-base", safety_checker=None)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def samples(
    base: StableDiffusionPipeline,
    prompts: list[str],
    steps: int = 25,
    guidance: float = 5.0,
    seed: int = 1,
    batch: int = 16,
) -> list[Image.Image]:
    """One 128 px picture per prompt, each from its own seed."""
    images: list[Image.Image] = []
    for at in range(0, len(prompts), batch):
        some = prompts[at : at + batch]
        noise = [torch.Generator().manual_seed(seed * 1000 + at + i) for i in range(len(some))]
        images += base(
            some,
            width=128,
            height=128,
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=noise,
        ).images
    return images


def recall(found: np.ndarray, asked: list[list[str]]) -> float:
    """The share of the tags asked for that the tagger sees."""
    return float(np.mean([seen for _, seen in _answers(found, asked)]))


def recall_by_tag(found: np.ndarray, asked: list[list[str]]) -> dict[str, float]:
    """The same for each tag by itself."""
    answers: dict[str, list[bool]] = {}
    for tag, seen in _answers(found, asked):
        answers.setdefault(tag, []).append(seen)
    return {tag: float(np.mean(seen)) for tag, seen in answers.items()}


def _answers(found: np.ndarray, asked: list[list[str]]) -> Iterator[tuple[str, bool]]:
    rows = {name: row for row, name in enumerate(data.NAMES)}
    for picture, wish in zip(found, asked, strict=True):
        yield from ((tag, bool(picture[rows[tag]] >= THRESHOLD)) for tag in wish)


def sheet(images: list[Image.Image], across: int = 8) -> Image.Image:
    """The pictures side by side."""
    width, height = images[0].size
    rows = -(-len(images) // across)
    out = Image.new("RGB", (across * width, rows * height), "white")
    for at, image in enumerate(images):
        out.paste(image, (at % across * width, at // across * height))
    return out


def _lowest(each: dict[str, float], count: int = 10) -> str:
    worst = sorted(each.items(), key=lambda pair: pair[1])[:count]
    return ", ".join(f"{name} {value:.2f}" for name, value in worst)


def judge_base(models: Path, count: int, cache: Path) -> None:
    """Everything about the base: its autoencoder, its obedience, its ignorance of zumi."""
    base, session = pipeline(models), tagger_session(models)
    print(f"autoencoder  PSNR      {held_out_psnr(base.vae, cache):.2f} dB")
    asked = [visible_tags(data.row_of(tags(scene))) for scene in open_scenes(count)]
    images = samples(base, [caption(wish) for wish in asked])
    found = scores(session, images)
    print(f"base         recall    {recall(found, asked):.3f}  ({count} prompts)")
    print(f"             lowest    {_lowest(recall_by_tag(found, asked))}")
    sheet(images).save(cache / "samples.png")
    strangers = samples(base, [ZUMI_TRIGGER] * 32, seed=2)
    marks = recall(scores(session, strangers), [list(ZUMI_MARKS)] * len(strangers))
    print(f"base         'zumi'    {marks:.3f}  (her marks, asked for by name alone)")
    sheet(strangers).save(cache / "zumi.png")
    print(f"sheets in {cache}: samples.png, zumi.png")


def main() -> None:
    """Prints all numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--cache", type=Path, default=data.CACHE)
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--only", choices=("tagger", "matting", "base"))
    args = parser.parse_args()
    prepare(0)
    args.cache.mkdir(parents=True, exist_ok=True)
    if args.only in (None, "tagger"):
        mean, each = tagger_f1(held_out_scenes(400), args.models)
        print(f"tagger       macro F1  {mean:.4f}\n             lowest    {_lowest(each)}")
        rng = random.Random("judge/zumi")
        zumi, marks = tagger_f1([zumi_scene(rng) for _ in range(100)], args.models)
        worst = ", ".join(f"{mark} {marks[mark]:.3f}" for mark in ZUMI_MARKS)
        print(f"             on zumi   {zumi:.4f}  ({worst})")
    if args.only in (None, "matting"):
        print(f"matting      IoU       {matting_iou(held_out_scenes(100), args.models):.4f}")
    if args.only in (None, "base"):
        judge_base(args.models, args.prompts, args.cache)


if __name__ == "__main__":
    main()
