"""Tagging beside its limit and a plain loop. ``python -m bench.tag [vit|small|memory|fast|retag]``

vit     a network of real size: the stage beside the bare network, in turns
small   a tiny network, where pictures are the bottleneck: whole commands beside a serial loop
memory  peak memory of both, and from 100 to 5,000 pictures
fast    how often tags differ when JPEGs are decoded at a fraction (the demo's trained network)
retag   choosing anew among 10,000 pictures' scores, and among a million
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from bench.machine import heading
from bench.networks import SIDE, TAGS, write_tiny, write_vit
from dataprep.dataset import Dataset, now
from dataprep.jobs import finish
from dataprep.scoring import How, items, score
from dataprep.stages import scan, tag
from dataprep.store import Scores, Store, TaggerRow
from dataprep.taggers import open_tagger, read_model
from dataprep.taggers.choice import Choice, Rules, Voice
from dataprep.vocabulary import Entry
from dataprep.weights import sample_data

ROUNDS = 5
SIZES = ((2000, 1500), (1500, 2000))


def make_pictures(folder: Path, count: int, distinct: int = 50) -> None:
    """JPEGs of three megapixels, as hard to decode as photographs."""
    rng = np.random.default_rng(3)
    for number in range(count):
        path = folder / f"{number:05}.jpg"
        if number >= distinct:
            # as many bytes to read and to decode; the content differs, so that none is skipped
            data = (folder / f"{number % distinct:05}.jpg").read_bytes()
            path.write_bytes(data + number.to_bytes(4, "big"))
            continue
        width, height = SIZES[number % len(SIZES)]
        coarse = rng.integers(0, 256, (height // 12, width // 12, 3), np.uint8)
        smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        smooth.save(path, quality=92)


SERIAL = """
import sys
from pathlib import Path
import cv2, numpy as np, onnxruntime
from PIL import Image
folder, model = Path(sys.argv[1]), sys.argv[2]
session = onnxruntime.InferenceSession(model + "/model.onnx", providers=["CPUExecutionProvider"])
rows = Path(model, "selected_tags.csv").read_text().splitlines()[1:]
names = [row.split(",")[1] for row in rows]
for path in sorted(folder.glob("*.jpg")):
    pixels = np.array(Image.open(path).convert("RGB"))[:, :, ::-1]
    height, width = pixels.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    edges = ((top, side - height - top), (left, side - width - left), (0, 0))
    square = np.pad(pixels, edges, constant_values=255)
    small = cv2.resize(square, (448, 448), interpolation=cv2.INTER_AREA).astype(np.float32)
    scores = session.run(None, {"input": small[None]})[0][0]
    tags = []
    for name, value in zip(names[4:], scores[4:]):
        if value >= 0.35:
            tags.append(name.replace("_", " ") if len(name) > 3 else name)
    path.with_suffix(".txt").write_text(", ".join(tags) + "\\n", encoding="utf-8")
"""
"""The named alternative: sd-scripts' tagger without its torch, one picture after the other."""

BARE = """
import sys, numpy as np, onnxruntime
options = onnxruntime.SessionOptions()
session = onnxruntime.InferenceSession(
    sys.argv[1] + "/model.onnx", options, providers=["CPUExecutionProvider"])
for _ in range(3):
    session.run(None, {"input": np.zeros((1, 448, 448, 3), np.float32)})
"""


def timed(*command: str) -> tuple[float, float]:
    """Seconds and peak MiB of a process."""
    code = "import subprocess,sys,resource;subprocess.run(sys.argv[1:],check=True,stdout=2)"
    report = ";print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss/1024)"
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code + report, *command],
        capture_output=True,
        text=True,
        check=True,
    )
    return time.perf_counter() - began, float(done.stdout)


def tag_command(folder: Path, model: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "dataprep", "tag", str(folder), "--model", str(model), *more]


def fresh(folder: Path) -> None:
    """Forget the captions and the state, so that a command does all of it."""
    for path in (*folder.glob("*.txt"), *folder.glob(".dataprep/state.sqlite*")):
        path.unlink()


def vit(temp: Path) -> None:
    """Pictures per second of the stage once it runs, and of the network alone."""
    model = read_model(write_vit(temp / "vit"))
    folder = temp / "pictures"
    folder.mkdir()
    make_pictures(folder, 24)
    bare, ours = [], []
    with Dataset.open(folder) as dataset:
        finish(scan.run(dataset, scan.Settings()))
        todo = items(dataset)
        tagger = open_tagger(model)
        pixels = np.zeros((1, SIDE, SIDE, 3), np.uint8)
        tagger.predict(pixels)
        for _ in range(ROUNDS):
            began = time.perf_counter()
            for _ in range(len(todo) // 2):
                tagger.predict(pixels)
            bare.append(len(todo) // 2 / (time.perf_counter() - began))
            ours.append(finish(score(dataset, model, todo, How())).per_second)
    rates = [own / limit for own, limit in zip(ours, bare, strict=True)]
    print(f"ViT-B/16, {len(todo)} JPEGs of 3 MP, {ROUNDS} rounds in turns, medians")
    print(f"  network alone {statistics.median(bare):6.2f} img/s")
    print(f"  dataprep tag  {statistics.median(ours):6.2f} img/s")
    spread = f"{min(rates):.1%} to {max(rates):.1%}"
    print(f"  of the network alone: {statistics.median(rates):.1%} ({spread})")


def small(temp: Path) -> None:
    """Whole commands with a tiny network."""
    model, folder = write_tiny(temp / "tiny"), temp / "pictures"
    folder.mkdir()
    count = 300
    make_pictures(folder, count)
    ways = {
        "serial loop as sd-scripts'": [sys.executable, "-c", SERIAL, str(folder), str(model)],
        "dataprep tag": tag_command(folder, model),
        "dataprep tag --exact": tag_command(folder, model, "--exact"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, command in ways.items():
            fresh(folder)
            seconds[name].append(timed(*command)[0])
    serial = statistics.median(seconds["serial loop as sd-scripts'"])
    print(f"tiny network, {count} JPEGs of 3 MP, whole processes, {ROUNDS} rounds, medians")
    for name, times in seconds.items():
        median = statistics.median(times)
        print(f"  {name:<28} {median:6.2f} s  {count / median:6.1f} img/s  {serial / median:4.1f}×")


def memory(temp: Path) -> None:
    """Peak memory, and whether it grows with the folder."""
    big, tiny = write_vit(temp / "vit"), write_tiny(temp / "tiny")
    folder = temp / "few"
    folder.mkdir()
    make_pictures(folder, 16)
    _, bare = timed(sys.executable, "-c", BARE, str(big))
    _, whole = timed(*tag_command(folder, big))
    print(f"ViT-B/16: bare session {bare:.0f} MiB, dataprep tag {whole:.0f} ({whole - bare:+.0f})")
    for count in (100, 1000, 5000):
        many = temp / f"many{count}"
        many.mkdir()
        make_pictures(many, count)
        _, peak = timed(*tag_command(many, tiny))
        print(f"tiny network, {count:>5} pictures: {peak:.0f} MiB")


def fast(temp: Path) -> None:
    """Captions of the two ways to decode, by the demo's network on enlarged demo pictures."""
    folder = temp / "pictures"
    folder.mkdir()
    for path in sorted(sample_data().glob("zumi/zumi_*.*")):
        if path.suffix in (".png", ".webp") or path.stem < "zumi_23":
            image = Image.open(path).convert("RGB")
            for turn, side in enumerate((1300, 1700, 2300)):
                scale = side / max(image.size)
                size = (round(image.width * scale), round(image.height * scale))
                grown = image.resize(size, Image.Resampling.LANCZOS)
                grown.save(folder / f"{path.stem}_{turn}.jpg", quality=90)
    captions: list[dict[str, set[str]]] = []
    for exact in (True, False):
        fresh(folder)
        with Dataset.open(folder) as dataset:
            finish(tag.run(dataset, tag.Settings(model="demo", exact=exact)))  # type: ignore[arg-type]
            captions.append({name: set(tags) for name, tags in dataset.all_tags().items()})
    whole, draft = captions
    same = sum(whole[name] == draft[name] for name in whole)
    likeness = [len(whole[n] & draft[n]) / max(len(whole[n] | draft[n]), 1) for n in whole]
    print(f"{same} of {len(whole)} captions alike, mean Jaccard {np.mean(likeness):.4f}")


def retag(temp: Path) -> None:
    """A project of 10,000 pictures with a million scores; then the scores of a million pictures."""
    folder = temp / "pictures"
    folder.mkdir()
    for number in range(10_000):
        tint = (number % 251, number // 251, 7)
        Image.new("RGB", (8, 8), tint).save(folder / f"{number:05}.png")
    entries = [Entry(f"tag_{place}", "general", 100) for place in range(TAGS)]
    rng = np.random.default_rng(1)
    with Dataset.open(folder) as dataset:
        finish(scan.run(dataset, scan.Settings()))
        dataset.store.put_tagger(TaggerRow("wd@1.1", "wd", now(), {"general": 0.35}), entries)
        dataset.store.put_scores(
            "wd@1.1", ((*item.key, made_up(rng, 100)) for item in items(dataset))
        )
    print("10,000 pictures, 1,000,000 scores, whole commands")
    timed_retag(folder, "first captions")
    timed_retag(folder, "another threshold", "--general", "0.6")
    timed_retag(folder, "the same again", "--general", "0.6")
    timed_retag(folder, "dry run", "--general", "0.7", "--dry-run", "--json")
    million(temp / "state.sqlite", entries, rng)


def million(path: Path, entries: list[Entry], rng: np.random.Generator) -> None:
    """Read the scores of a million pictures and choose among them; no files are written."""
    store = Store(path)
    samples = [made_up(rng, 30) for _ in range(1000)]
    rows = ((f"{number:064}", "", samples[number % 1000]) for number in range(1_000_000))
    store.put_scores("wd@1.1", rows)
    began = time.perf_counter()
    choice = Choice([Voice(entries, {"general": 0.5})], Rules())
    tags = sum(len(choice.tags([row])) for row in store.scores("wd@1.1").values())
    seconds = time.perf_counter() - began
    print(f"1,000,000 pictures of 30 scores, read and chosen: {seconds:.1f} s ({tags} tags)")
    store.close()


def made_up(rng: np.random.Generator, count: int) -> Scores:
    ids = np.sort(rng.choice(TAGS, count, replace=False)).astype(np.uint32)
    return Scores(ids, rng.uniform(0.05, 1, count).astype(np.float16))


def timed_retag(folder: Path, title: str, *flags: str) -> None:
    seconds, _ = timed(sys.executable, "-m", "dataprep", "retag", str(folder), *flags)
    print(f"  dataprep retag, {title:<20} {seconds:5.2f} s")


def main() -> None:
    """Print what was asked for, or all."""
    ways = {"vit": vit, "small": small, "memory": memory, "fast": fast, "retag": retag}
    print(heading("onnxruntime", "pillow", "numpy", "opencv-python-headless"))
    for name in sys.argv[1:] or ways:
        with tempfile.TemporaryDirectory() as temp:
            ways[name](Path(temp))


if __name__ == "__main__":
    main()
