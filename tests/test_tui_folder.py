"""A small painted project for the tests of the screens, patience with its jobs, and its rows."""

import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw
from textual.pilot import Pilot

from dataprep.dataset import Dataset
from dataprep.jobs import finish
from dataprep.stages import STAGES
from tui.app import Workshop
from tui.pictures import drawing
from tui.screens.main import MainScreen
from tui.state import changed, load

PATIENCE = 30.0
"""Seconds; a loaded machine may need many, a quiet one never comes near."""

NAMES = ["[brackets] [b] 1.png", "lake.png", "portrait.jpg", "square.png"]
SIZES = [(96, 64), (128, 80), (64, 96), (80, 80)]
CAPTIONS = ["zumi, horns", "zumi, lake, boat", "zumi, red scarf", ""]
BROKEN = "broken.png"


def paint_project(root: Path) -> Path:
    """Five pictures, one of them broken; three with a caption."""
    root.mkdir()
    for i, (name, size, caption) in enumerate(zip(NAMES, SIZES, CAPTIONS, strict=True)):
        image = Image.new("RGB", size, (40 + 50 * i, 90, 200 - 40 * i))
        ImageDraw.Draw(image).ellipse((10, 10, size[0] - 10, size[1] - 10), fill=(250, 200, 60))
        image.save(root / name)
        if caption:
            (root / name).with_suffix(".txt").write_text(caption + "\n", encoding="utf-8")
    (root / BROKEN).write_bytes(b"not a picture")
    return root


def workshop(root: Path) -> Workshop:
    """The app, drawing half cells on every machine."""
    return Workshop(root, drawing("halfcell"))


def main_screen(pilot: Pilot[None]) -> MainScreen:
    """The project's screen, also when a form lies over it."""
    screen = pilot.app.screen_stack[0]
    assert isinstance(screen, MainScreen)
    return screen


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    """Let the app work until ``condition`` holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        await pilot.pause(0.02)
    await pilot.pause()


def test_a_project_is_read_and_then_only_what_has_changed(tmp_path: Path) -> None:
    root = paint_project(tmp_path / "zumi")
    (root / "square.txt").write_bytes(b"\xff\xfe\x00")
    model, run = STAGES["scan"].load()
    with Dataset.open(root) as dataset:
        finish(run(dataset, model()))
        project = load(dataset)
        problems = {name: row.problem for name, row in project.rows.items() if row.problem}
        assert "UTF-8" in problems["square.png"]
        assert "not an image" in problems[BROKEN]
        assert (project.standing["tag"].done, project.standing["tag"].total) == (3, 4)
        assert project.standing["crop"].done == 0
        verdict = dataset.decision_change("lake.png", "verdict", '"reject"')
        dataset.edit("verdict", [dataset.caption_change("lake.png", ["a", "b"]), verdict])
        after = changed(dataset, project, {"lake.png"})
    assert after.rows["lake.png"].tags == ["a", "b"]
    assert after.rows["lake.png"].decisions.verdict == "reject"
    assert after.undoes == "verdict"
    assert after.standing["tag"].total == 3
    assert after.rows["portrait.jpg"] is project.rows["portrait.jpg"]
