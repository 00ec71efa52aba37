"""Tagging speed beside its limit and a plain loop. ``python -m bench.tag [MODEL] [PICTURES]``

MODEL is a tagger's folder or name (default: demo), PICTURES a number (default: 60). The ways take
turns, so that a busy machine is busy for all of them; medians of five rounds.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from bench.machine import heading
from dataprep.dataset import Dataset
from dataprep.jobs import finish
from dataprep.stages import scan, tag
from dataprep.taggers import Tagger, open_tagger, select
from dataprep.weights import find_tagger

ROUNDS = 5
SIZES = ((2000, 1500), (1500, 2000), (1024, 1024), (1200, 800))


def make_pictures(folder: Path, count: int) -> None:
    """JPEGs of the sizes people have, as hard to decode as photographs."""
    rng = np.random.default_rng(3)
    for number in range(count):
        width, height = SIZES[number % len(SIZES)]
        coarse = rng.integers(0, 256, (height // 12, width // 12, 3), np.uint8)
        smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        smooth.save(folder / f"{number:04}.jpg", quality=92)


def plain_loop(folder: Path, tagger: Tagger) -> None:
    """The named alternative: decode, pad, resize, run, write, one picture after the other."""
    for path in sorted(folder.glob("*.jpg")):
        image = Image.open(path).convert("RGB")
        side = max(image.size)
        square = Image.new("RGB", (side, side), "white")
        square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
        square = square.resize((tagger.size, tagger.size), Image.Resampling.BICUBIC)
        scores = tagger.predict(np.asarray(square)[None, :, :, ::-1])[0]
        tags = select(scores, tagger.tags, 0.35, 0.85)
        path.with_suffix(".txt").write_text(", ".join(tags) + "\n", encoding="utf-8")


def stage(folder: Path, model: str) -> None:
    """The stage from the first to the last picture, with its store, journal and captions."""
    settings = tag.Settings(model=model, redo=True, overwrite=True)
    with Dataset.open(folder) as dataset:
        finish(tag.run(dataset, settings))


def forward_only(tagger: Tagger, count: int) -> None:
    """The limit: the network alone on pixels that are ready."""
    pixels = [np.zeros((tagger.size, tagger.size, 3), np.uint8)]
    for _ in range(count):
        tagger.predict(pixels)


def decode_only(folder: Path) -> None:
    """The other limit: one core decoding, nothing else."""
    for path in folder.glob("*.jpg"):
        Image.open(path).load()


def main() -> None:
    """Print pictures per second and CPU milliseconds of every way."""
    model = sys.argv[1] if len(sys.argv) > 1 else "demo"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    tagger = open_tagger(find_tagger(model))
    print(heading("onnxruntime", "pillow", "numpy"))
    print(f"{tagger.name} on {tagger.device}, {count} JPEGs of {SIZES}")
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        make_pictures(folder, count)
        with Dataset.open(folder) as dataset:
            finish(scan.run(dataset, scan.Settings()))
        ways: dict[str, Callable[[], None]] = {
            "dataprep tag": lambda: stage(folder, model),
            "plain loop (alternative)": lambda: plain_loop(folder, tagger),
            "network alone (limit)": lambda: forward_only(tagger, count),
            "decode alone, 1 core (limit)": lambda: decode_only(folder),
        }
        print_table(ways, count)


def print_table(ways: dict[str, Callable[[], None]], count: int) -> dict[str, list[float]]:
    """Run the ways in turns and print a line each; their wall times, round by round."""
    walls: dict[str, list[float]] = {name: [] for name in ways}
    cores: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, run in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            walls[name].append(time.perf_counter() - wall)
            cores[name].append(time.process_time() - cpu)
    for name in ways:
        wall, cpu = statistics.median(walls[name]), statistics.median(cores[name])
        spread = f"{count / max(walls[name]):.1f} to {count / min(walls[name]):.1f}"
        print(f"{name:<30} {count / wall:7.1f} img/s ({spread})  {cpu / count * 1000:6.1f} ms CPU")
    return walls


if __name__ == "__main__":
    main()
