"""Nothing a command does changes an original: any commands, in any order."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from dataprep.cli import main

COMMANDS = {
    "scan": "scan P",
    "check": "check P",
    "check the export": "check O",
    "buckets": "buckets P --size 128 --min-size 64",
    "crop": "crop P --size 64",
    "crop to buckets": "crop P --size 128 --buckets --min-size 64 --trim",
    "crop to the subject": "crop P --size 64 --mode foreground",
    "crop by saliency": "crop P --size 64 --mode saliency",
    "crop by hand": "crop P --size 64 --mode box --box 10,10,90,80 --only a.png",
    "no crop": "crop P --mode none",
    "dedupe": "dedupe P",
    "dedupe turned": "dedupe P --mirrored --turned",
    "reject": "verdict P reject --names b*",
    "keep": "verdict P keep --names b*",
    "split": "split P --mode tiles --size 64",
    "join": "split P --mode none",
    "background": "background P --model demo",
    "alpha": "background P --model demo --composite alpha --grow 2 --feather 1",
    "tag": "tag P --model demo --overwrite",
    "tag .caption": "tag P --model demo --exact --caption-extension .caption --touch-edited",
    "scores": "tag P --model demo --scores-only --redo",
    "retag": "retag P --mcut --max-tags 5 --rating --touch-edited",
    "prune": "prune P --remove smile --trigger zumi",
    "prune more": "prune P --preset character --fewer-than 2 --redundant",
    "suggest": "suggest P --preset character --apply",
    "trigger": "trigger P zumi --uncaptioned",
    "trigger off": "trigger P --remove",
    "replace": "replace P hat cap,bow",
    "add": "add P sky --front",
    "sort": "sort P --by name",
    "move": "move P --meaningless",
    "clean": "clean P --underscores",
    "list": "list P --where edited",
    "tags": "tags P --with hat",
    "history": "history P --show 1",
    "undo": "undo P",
    "redo": "redo P",
    "export": "export P O --concept zumi --repeats 2",
    "export jpg": "export P O --concept zumi --repeats 3 --format jpg",
    "export masks": "export P O --by-folder --concept zumi --masks folder",
    "import": "import S P",
    "import a copy": "import P/sub I",
}


def make(root: Path) -> None:
    """Pictures of several kinds, a copy of one, a broken one, and a caption."""
    rng = np.random.default_rng(5)
    for name in ("a.png", "b.jpg", "b2.jpg", "sub/c.webp", "S/d.png", "S/a.png"):
        path = root / name if name.startswith("S/") else root / "P" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = rng.integers(0, 255, (4, 5, 3), np.uint8)
        image = Image.fromarray(coarse).resize((160, 120), Image.Resampling.BICUBIC)
        ImageDraw.Draw(image).ellipse((50, 30, 110, 100), fill=(250, 240, 120))
        image.save(path)
    shutil.copyfile(root / "P/b.jpg", root / "P/copy of b.jpg")
    (root / "P/broken.jpg").write_bytes((root / "P/b.jpg").read_bytes()[:900])
    (root / "P/a.txt").write_text("smile, hat\n", encoding="utf-8")
    (root / "P/notes.md").write_text("mine")


def originals(root: Path) -> dict[str, tuple[str, int]]:
    """Digest and time of every file that is not a caption, a state or an export."""
    return {
        str(path.relative_to(root)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for folder in ("P", "S")
        for path in (root / folder).rglob("*")
        if path.is_file() and path.suffix != ".txt" and ".dataprep" not in path.parts
    }


def carry_out(root: Path, names: list[str]) -> None:
    before = originals(root)
    for name in names:
        places = {"P": "P", "P/sub": "P/sub", "O": "O", "S": "S", "I": "I"}
        words = [str(root / word) if word in places else word for word in COMMANDS[name].split()]
        # 1: some item could not be done; 2: nothing there to do it with
        assert main(words) in (0, 1, 2), name
        after = originals(root)
        assert {key: after[key] for key in before} == before, name


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_alone(name: str, tmp_path: Path) -> None:
    make(tmp_path)
    carry_out(tmp_path, [name])


SETTINGS = settings(
    deadline=None,
    max_examples=6,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@SETTINGS
@given(st.lists(st.sampled_from(sorted(COMMANDS)), min_size=4, max_size=9))
def test_any_commands_in_any_order(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as temp:
        make(Path(temp))
        carry_out(Path(temp), names)


@pytest.mark.slow
@settings(SETTINGS, max_examples=60)
@given(st.lists(st.sampled_from(sorted(COMMANDS)), min_size=6, max_size=25))
def test_many_commands_in_any_order(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as temp:
        make(Path(temp))
        carry_out(Path(temp), names)


def test_originals_that_may_not_be_written_do_not_have_to_be(tmp_path: Path) -> None:
    make(tmp_path)
    for path in (tmp_path / "P").rglob("*"):
        if path.is_file() and path.suffix != ".txt":
            path.chmod(0o444)
    carry_out(tmp_path, ["crop", "background", "tag", "prune", "dedupe", "export"])
    assert not os.access(tmp_path / "P/a.png", os.W_OK) or os.geteuid() == 0
