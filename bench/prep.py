"""Crop, resize and export beside the limits and the tools people use. ``python -m bench.prep``

Makes its inputs (JPEGs of 2000×1500, fewer PNG and WebP), then times ``dataprep export`` to 512²
JPEG and PNG against its own three kernels, each alone and in turns with it, a plain Pillow loop,
and ImageMagick and libvips where they are installed. ``python -m bench.prep rss`` prints the peak
memory for 300 and 3,000 pictures, ``python -m bench.prep many`` the times for 10,000 small ones.
"""

from __future__ import annotations

import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from bench.machine import heading
from dataprep.dataset import Dataset
from dataprep.decisions import Frame
from dataprep.exporting.encoders import Format, encode
from dataprep.images import decode
from dataprep.jobs import finish
from dataprep.render import needed_size, render
from dataprep.stages import crop, export, scan

ROUNDS = 5
SIZE = (2000, 1500)
SIDE = 512
JPEGS, OTHERS = 300, 40
GRAIN = 2.8
"""Levels of grain that make the files 620 KB on average."""
CORES = os.cpu_count() or 1


def photograph(seed: int) -> Image.Image:
    """Noise of falling strength at every scale, slightly grainy: codes like a photograph."""
    rng = np.random.default_rng(seed)
    width, height = SIZE
    total = np.zeros((height, width, 3), np.float32)
    for octave in range(2, 9):
        shape = (height // 2**octave + 2, width // 2**octave + 2, 3)
        coarse = rng.normal(size=shape).astype(np.float32)
        for band in range(3):
            layer = Image.fromarray(coarse[..., band]).resize(SIZE, Image.Resampling.BICUBIC)
            total[..., band] += np.asarray(layer) * 2**octave
    total = (total - total.mean()) / total.std() * 50 + 128
    total += rng.normal(size=(height, width, 1)).astype(np.float32) * GRAIN
    return Image.fromarray(total.clip(0, 255).astype(np.uint8))


def make_pictures(folder: Path, jpegs: int, others: int) -> None:
    """A few scenes, shifted so that no two files are alike."""
    scenes = [photograph(seed) for seed in range(8)]
    for number in range(jpegs):
        scene = np.roll(np.asarray(scenes[number % 8]), 37 * number, axis=1)
        Image.fromarray(scene).save(folder / f"{number:04}.jpg", quality=92)
    for number in range(others):
        scene = Image.fromarray(np.roll(np.asarray(scenes[number % 8]), 41 * number, axis=1))
        scene.save(folder / f"p{number:03}.png", compress_level=1)
        scene.save(folder / f"w{number:03}.webp", quality=90, method=0)


def prepare(folder: Path) -> None:
    """Facts and crops, which are decided before an export."""
    with Dataset.open(folder) as dataset:
        finish(scan.run(dataset, scan.Settings()))
        finish(crop.run(dataset, crop.Settings(size=SIDE)))


def ours(folder: Path, out: Path, form: Format) -> None:
    """The stage from its first to its last picture, with its record and its flush to the disk."""
    shutil.rmtree(out, ignore_errors=True)
    settings = export.Settings(out=out, concept="x", repeats=1, format=form)
    with Dataset.open(folder) as dataset:
        finish(export.run(dataset, settings))


def plain_loop(paths: list[Path], out: Path, form: Format) -> None:
    """The named alternative: one thread of Pillow, shorter side to the size, middle cut out."""
    out.mkdir(exist_ok=True)
    for path in paths:
        image = Image.open(path).convert("RGB")
        scale = SIDE / min(image.size)
        size = (round(image.width * scale), round(image.height * scale))
        whole = image.resize(size, Image.Resampling.LANCZOS)
        left, top = (whole.width - SIDE) // 2, (whole.height - SIDE) // 2
        small = whole.crop((left, top, left + SIDE, top + SIDE))
        small.save(out / f"{path.stem}.{form}", **({"quality": 95} if form == "jpg" else {}))


class Kernels:
    """The three things that cannot be left out, each alone on one core."""

    def __init__(self, folder: Path, paths: list[Path], form: Format) -> None:
        self.form, self.paths = form, paths
        self.seconds: dict[str, list[float]] = {}
        with Dataset.open(folder) as dataset:
            decided = dataset.decisions()
            crops = {dataset.path(name): value.crop for name, value in decided.items()}
        self.frame = Frame.of(*SIZE)
        self.crop = crops[paths[0]]

    def run(self) -> None:
        """Go once over the pictures, each kernel on its own clock."""
        wanted = needed_size(self.frame, self.crop)
        clock = dict.fromkeys(("decode", "resample", "encode"), 0.0)
        for path in self.paths:
            started = time.perf_counter()
            image = decode(path, wanted)
            decoded = time.perf_counter()
            cut = render(image, self.frame, self.crop, None, None)
            rendered = time.perf_counter()
            encode(cut, self.form, 95)
            clock["decode"] += decoded - started
            clock["resample"] += rendered - decoded
            clock["encode"] += time.perf_counter() - rendered
        for name, took in clock.items():
            self.seconds.setdefault(name, []).append(took / len(self.paths))

    def threaded(self) -> None:
        """All three over every picture on all cores at once, and nothing else."""
        wanted = needed_size(self.frame, self.crop)

        def work(path: Path) -> int:
            cut = render(decode(path, wanted), self.frame, self.crop, None, None)
            return len(encode(cut, self.form, 95))

        with ThreadPoolExecutor(CORES) as pool:
            list(pool.map(work, self.paths))

    @property
    def median(self) -> dict[str, float]:
        """Seconds per picture of each."""
        return {name: statistics.median(values) for name, values in self.seconds.items()}


def decode_encode(paths: list[Path], form: Format) -> None:
    """The other limit: every core decodes and encodes, nothing is cut or resampled."""
    small = Image.open(paths[0]).convert("RGB").resize((SIDE, SIDE))

    def work(path: Path) -> int:
        decode(path, (SIDE, SIDE))
        return len(encode(small, form, 95))

    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(work, paths))


def magick(paths: list[Path], out: Path, form: Format) -> None:
    """ImageMagick, one process for all of them."""
    out.mkdir(exist_ok=True)
    size = f"{SIDE}x{SIDE}"
    command = ["mogrify", "-path", str(out), "-format", form, "-quality", "95"]
    command += ["-resize", f"{size}^", "-gravity", "center", "-extent", size]
    subprocess.run([*command, *map(str, paths)], check=True)


def vips(paths: list[Path], out: Path, form: Format) -> None:
    """libvips' own thumbnailer."""
    out.mkdir(exist_ok=True)
    quality = "[Q=95]" if form == "jpg" else ""
    command = ["vipsthumbnail", "-s", f"{SIDE}x{SIDE}", "--smartcrop", "centre"]
    command += ["-o", str(out / f"%s.{form}{quality}")]
    subprocess.run([*command, *map(str, paths)], check=True)


def compare(folder: Path, paths: list[Path], form: Format, rounds: int) -> None:
    """All ways in turns, so that a busy machine is busy for all of them."""
    temp = folder.parent
    part = paths[:: max(1, len(paths) // 40)]
    kernels = Kernels(folder, part, form)
    ways: dict[str, tuple[Callable[[], None], int]] = {
        "dataprep export": (lambda: ours(folder, temp / "out", form), len(paths)),
        "plain Pillow loop (alternative)": (
            lambda: plain_loop(part, temp / "plain", form), len(part)),
        f"the three kernels in {CORES} threads": (
            Kernels(folder, paths, form).threaded, len(paths)),
        f"decode + encode alone, {CORES} threads": (
            lambda: decode_encode(paths, form), len(paths)),
    }  # fmt: skip
    if shutil.which("mogrify"):
        ways["ImageMagick"] = (lambda: magick(part, temp / "magick", form), len(part))
    if shutil.which("vipsthumbnail"):
        ways["libvips"] = (lambda: vips(part, temp / "vips", form), len(part))
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        kernels.run()
        for name, (run, count) in ways.items():
            started = time.perf_counter()
            run()
            speeds[name].append(count / (time.perf_counter() - started))
    median = {name: statistics.median(values) for name, values in speeds.items()}
    each = kernels.median
    limit = CORES / sum(each.values())
    print(f"\n{paths[0].suffix} → {SIDE}² {form}, {len(paths)} pictures, {rounds} rounds")
    for name, seconds in each.items():
        print(f"  {name:<38} {seconds * 1000:7.2f} ms on one core")
    print(f"  {f'their sum on {CORES} ideal cores (limit)':<38} {limit:7.1f} img/s")
    for name, speed in median.items():
        spread = f"{min(speeds[name]):.0f} to {max(speeds[name]):.0f}"
        print(f"  {name:<38} {speed:7.1f} img/s ({spread})  {speed / limit:5.0%} of the limit")
    loop = median["plain Pillow loop (alternative)"]
    real = median[f"the three kernels in {CORES} threads"]
    print(f"  dataprep export is {median['dataprep export'] / loop:.1f}× the plain loop, and")
    print(f"  {median['dataprep export'] / real:.0%} of the kernels on this machine's own cores")


def speed(rounds: int) -> None:
    """The comparison for JPEG, PNG and WebP."""
    print(heading("pillow", "opencv-python-headless", "numpy"))
    with tempfile.TemporaryDirectory() as temp:
        for kind, forms in (("jpg", ("jpg", "png")), ("png", ("png",)), ("webp", ("webp",))):
            folder = Path(temp) / kind / "pictures"
            folder.mkdir(parents=True)
            make_pictures(folder, JPEGS if kind == "jpg" else 0, 0 if kind == "jpg" else OTHERS)
            for path in folder.iterdir():
                if path.suffix != f".{kind}":
                    path.unlink()
            prepare(folder)
            paths = sorted(folder.glob(f"*.{kind}"))
            for form in forms:
                compare(folder, paths, form, rounds)


def rss() -> None:
    """Peak memory of the export of 300 and of 3,000 pictures, each in a process of its own."""
    print(heading("pillow"))
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp) / "300"
        folder.mkdir()
        make_pictures(folder, 300, 0)
        more = Path(temp) / "3000"
        more.mkdir()
        for path in folder.iterdir():
            for copy in range(10):
                os.link(path, more / f"{path.stem}-{copy}.jpg")
        for place in (folder, more):
            prepare(place)
            command = [sys.executable, "-m", "bench.prep", "export", str(place)]
            subprocess.run(command, check=True)


def export_once(folder: Path) -> None:
    """One export; prints the peak memory of this process."""
    out = folder.parent / f"out-{folder.name}"
    ours(folder, out, "jpg")
    # ru_maxrss would begin at what the parent had when it forked
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    written = sum(1 for _ in out.rglob("*.jpg"))
    print(f"{written:>6} pictures: peak {peak:.0f} MiB")


def many() -> None:
    """10,000 small pictures: first run, nothing changed, ten changed; whole commands."""
    print(heading("pillow", "numpy"))
    with tempfile.TemporaryDirectory() as temp:
        folder, out = Path(temp) / "many", Path(temp) / "out"
        folder.mkdir()
        rng = np.random.default_rng(1)
        for number in range(10_000):
            width, height = (int(side) for side in rng.integers(96, 192, 2))
            colour = rng.integers(0, 255, (4, 4, 3), np.uint8)
            image = Image.fromarray(colour).resize((width, height), Image.Resampling.BICUBIC)
            stream = io.BytesIO()
            image.save(stream, "JPEG", quality=85)
            (folder / f"{number:05}.jpg").write_bytes(stream.getvalue())
            (folder / f"{number:05}.txt").write_text("zumi, 1girl, smile\n")
        sizes = ("--size", "128", "--min-size", "64", "--max-size", "256")
        target = (str(folder), str(out), "--concept", "x", "--repeats", "1")
        _command("scan", str(folder))
        _command("buckets", str(folder), *sizes)
        _command("crop", str(folder), *sizes, "--buckets")
        _command("export", *target)
        _command("export", *target, note="nothing changed")
        for number in range(10):
            (folder / f"{number:05}.txt").write_text("zumi, night\n")
            image = Image.open(folder / f"{number + 50:05}.jpg").transpose(0)
            image.save(folder / f"{number + 50:05}.jpg", quality=85)
        _command("export", *target, note="ten captions and ten pictures changed")


def _command(*arguments: str, note: str = "") -> None:
    started = time.perf_counter()
    command = [sys.executable, "-m", "dataprep", *arguments, "--json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    took = time.perf_counter() - started
    print(f"  dataprep {arguments[0]:<8} {took:6.2f} s  {note}")


def main() -> None:
    """Run what was asked for."""
    match sys.argv[1:]:
        case ["rss"]:
            rss()
        case ["many"]:
            many()
        case ["export", folder]:
            export_once(Path(folder))
        case []:
            speed(ROUNDS)
        case [rounds]:
            speed(int(rounds))


if __name__ == "__main__":
    main()
