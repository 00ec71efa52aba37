"""Bulk edits of captions, whole commands. ``python -m bench.captions [PICTURES]``

PICTURES a number (default: 100,000): small PNG files with a caption of 30 tags each. Each command
runs in a process of its own, start-up included; beside it what the disk alone takes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from bench.machine import heading
from dataprep.dataset import Dataset
from dataprep.jobs import finish
from dataprep.stages import scan

TAGS, EACH, DISTINCT = 5_000, 30, 50
"""Tags there are, tags of a caption, pictures that differ."""


def make_project(folder: Path, count: int) -> None:
    """Pictures and captions, scanned."""
    rng = np.random.default_rng(1)
    tags = [f"tag {number}" for number in range(TAGS)]
    for number in range(DISTINCT):
        pixels = rng.integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:06}.png")
    # tags are as common as words are: few everywhere, many seldom
    chosen = (rng.pareto(0.6, (count, 2 * EACH)) * 3).astype(np.int64) % TAGS
    for number in range(count):
        picture = folder / f"{number:06}.png"
        if number >= DISTINCT:
            shutil.copyfile(folder / f"{number % DISTINCT:06}.png", picture)
        row = list(dict.fromkeys(chosen[number].tolist()))[:EACH]
        text = ", ".join(tags[place] for place in row) + "\n"
        picture.with_suffix(".txt").write_text(text, encoding="utf-8")
    with Dataset.open(folder) as dataset:
        finish(scan.run(dataset, scan.Settings()))


def command(*arguments: str) -> tuple[float, str]:
    """Seconds and the last line of a command."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "dataprep", *arguments], capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(done.stderr)
    return seconds, done.stdout.strip().splitlines()[-1]


def disk_alone(folder: Path) -> float:
    """Every caption read and replaced through a temporary file, then flushed: nothing else."""
    began = time.perf_counter()
    for entry in os.scandir(folder):
        if entry.name.endswith(".txt"):
            data = Path(entry.path).read_bytes()
            temp = Path(f"{entry.path}.new")
            temp.write_bytes(data)
            temp.replace(entry.path)
    os.sync()
    return time.perf_counter() - began


def main() -> None:
    """Print the seconds of each command."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print(heading("pydantic", "numpy"))
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        make_project(folder, count)
        print(f"{count} captions of about {EACH} tags")
        remove = "tag 0, tag 1, tag 2"
        for title, arguments in (
            ("dataprep prune, 3 tags, trigger", ("prune", temp, "--remove", remove)),
            ("dataprep undo", ("undo", temp)),
            ("dataprep tags", ("tags", temp, "--top", "3")),
        ):
            trigger = ("--trigger", "zumi") if arguments[0] == "prune" else ()
            seconds, line = command(*arguments, *trigger)
            print(f"{title:<34} {seconds:6.1f} s   {line}")
        # last: Linux is slow to make files where many went a moment ago
        print(f"{'read and replace them all (limit)':<34} {disk_alone(folder):6.1f} s")


if __name__ == "__main__":
    main()
