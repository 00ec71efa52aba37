"""How every screen looks, in both languages, at the size of an old terminal and of a larger one."""

import json
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from safetensors.numpy import save_file
from textual.pilot import Pilot

from dataprep import journalled, runs, scoresheet
from dataprep.cli import main
from dataprep.jobs import Progress
from dataprep.runs import folder as run_folder
from dataprep.scoresheet import Column, Sheet
from dataprep.uptake import Sample
from tests.snapshots import Album
from tests.test_tui_folder import main_screen, paint_project, until
from tui import words
from tui.app import Workshop
from tui.pictures import drawing
from tui.prefs import Prefs
from tui.rooms import ROOMS

SIZES = [(80, 24), (120, 40)]
LANGUAGES = ["en", "zh_CN"]
EPOCHS = ["epoch 1", "epoch 2", "last"]
UPTAKE = [(0.08, 0.1), (0.41, 0.5), (0.86, 0.7), (0.79, 0.8)]
STEPS = 120
LONG_AGO = 1_700_000_000.0
"""Seconds since 1970 at which everything here was begun."""
RECIPE = """[crop]
size = 64

[background]
model = "demo"

[tag]
model = "demo"

[export]
out = "lora"
concept = "zumi"
repeats = 4
base = "demo"

[train]
train_batch_size = 2
max_train_epochs = 3
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that went the whole way; the run and the score are written, not computed."""
    patch = pytest.MonkeyPatch()
    patch.setattr(journalled, "now", lambda: "2026-01-02T03:04:05")
    root = paint_project(tmp_path_factory.mktemp("finished") / "zumi")
    shutil.copy(root / "lake.png", root / "湖 copy.png")
    (root / "dataprep.toml").write_text(RECIPE)
    for command in (
        ["scan"], ["crop"], ["background"], ["tag", "--overwrite"],
        ["prune", "--remove", "1girl", "--trigger", "zumi"], ["export"],
    ):  # fmt: skip
        main([command[0], str(root), *command[1:]])
    trained(root / "lora")
    patch.undo()
    return root


def trained(out: Path) -> None:
    """What a run and a score leave behind."""
    for place, name in enumerate(("zumi-000001", "zumi-000002", "zumi"), start=1):
        weights = {"lora_unet_x.alpha": np.full(1, place, np.float32)}
        path = out / "model" / f"{name}.safetensors"
        save_file(weights, path, metadata={"ss_training_started_at": str(LONG_AGO)})
        os.utime(path, (time.time() + 60, time.time() + 60))
    config = out / "train.toml"
    place = run_folder.run_folder(config)
    place.mkdir(parents=True)
    record = run_folder.new_record(config, (), ("python", "-P", "-m", "train"))
    run_folder.write_record(place, replace(record, id="run", started_at=LONG_AGO, pid=1))
    lines = [{"event": run_folder.STARTED, "id": "run", "pid": 1}]
    lines += [progress(step).to_json() for step in range(1, STEPS + 1)]
    lines.append({"event": "result", "lora": "model/zumi.safetensors", "steps": STEPS,
                  "stopped": False, "loss_first": 0.2, "loss_last": 0.07})  # fmt: skip
    events = place / run_folder.EVENTS
    events.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (place / run_folder.LOG).write_text("training on cpu, torch.float32\n264 modules\n")
    os.utime(events, (LONG_AGO + 100, LONG_AGO + 100))
    assert runs.find(out) is not None
    scored(out)


def progress(step: int) -> Progress:
    """A step of a run whose loss falls and swings."""
    loss = 0.06 + 0.14 / (1 + step / 20) + 0.02 * ((step * 7) % 5 - 2) / 2
    facts = {
        "loss": loss, "loss_average": 0.06 + 0.14 / (1 + step / 20), "lr": 1e-4 * (1 - step / 150),
        "lr_text_encoder": 5e-5, "it_per_s": 2.5, "epoch": 1 + step // 41, "memory_mb": 512.0,
        "time_left_s": (STEPS - step) / 2.5,
    }  # fmt: skip
    return Progress(step, STEPS, f"epoch {1 + step // 41} of 3", facts, stage="training")


def scored(out: Path) -> None:
    columns = [Column("base", "", UPTAKE[0])] + [
        Column(name, str(out / "model" / "zumi.safetensors"), uptake)
        for name, uptake in zip(EPOCHS, UPTAKE[1:], strict=True)
    ]
    (out / "samples").mkdir()
    samples = []
    for x, column in enumerate(columns):
        for seed in (1, 2):
            path = out / "samples" / f"{x}_{seed}.png"
            image = Image.new("RGB", (64, 64), (200 - 40 * x, 90 + 20 * seed, 120))
            ImageDraw.Draw(image).ellipse((8, 8, 56, 56), fill=(60, 60 + 50 * x, 90))
            image.save(path)
            samples.append(Sample(column.name, "zumi", seed, str(path), ("solo", "green hair")))
    sheet = Sheet("zumi", ("1girl",), ("zumi",), tuple(columns), tuple(samples), "epoch 2")
    scoresheet.write(out, sheet)
    os.utime(out / scoresheet.FILE, (time.time() + 90, time.time() + 90))
    Image.new("RGB", (8, 8)).save(out / "grid.png")
    os.utime(out / "grid.png", (time.time() + 90, time.time() + 90))


@pytest.fixture
def project(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, named as on the command line: no path of this machine is on a screen."""
    monkeypatch.chdir(tmp_path)
    for name, place in {
        "XDG_CONFIG_HOME": "config", "XDG_DATA_HOME": "data", "HF_HOME": "hub", "U2NET_HOME": "u2",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, place)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DATAPREP_MODELS", raising=False)
    monkeypatch.setattr(journalled, "now", lambda: "2026-01-02T03:04:05")
    shutil.copytree(finished, "zumi", copy_function=shutil.copy2)
    return Path("zumi")


Step = Callable[[Pilot[None]], Awaitable[None]]


def keys(*pressed: str) -> Step:
    """Presses keys, and waits until what they began is done."""

    async def step(pilot: Pilot[None]) -> None:
        for key in pressed:
            await pilot.press(key)
        await rest(pilot)

    return step


def room(number: str, *pressed: str) -> Step:
    """Goes to a room first."""

    async def step(pilot: Pilot[None]) -> None:
        while len(pilot.app.screen_stack) > 1:
            pilot.app.pop_screen()
        await main_screen(pilot).enter(list(ROOMS)[int(number) - 1])
        await keys(*pressed)(pilot)

    return step


async def rest(pilot: Pilot[None]) -> None:
    app = pilot.app
    assert isinstance(app, Workshop)
    desk = app.desk
    if desk is not None:
        await until(pilot, lambda: not desk.jobs.running and desk.reader.idle)
    await app.workers.wait_for_complete()


SCREENS: dict[str, Step] = {
    "import": room("1"),
    "clean-duplicates": room("2", "x"),
    "clean-problems": room("2", "p", "x"),
    "crop": room("3"),
    "crop-box": room("3", "enter", "plus"),
    "background": room("4"),
    "background-mask": room("4", "m", "m"),
    "tag": room("5"),
    "tag-moved": room("5", "tab", "right", "right", "right"),
    "prune": room("6"),
    "review": room("7"),
    "review-strip": room("7", "v"),
    "review-filter": room("7", "v", "slash", "t", "a", "g"),
    "caption": room("7", "escape", "escape", "e"),
    "export": room("8"),
    "train": room("9"),
    "train-preset": room("9", "p"),
    "train-all": room("9", "f4"),
    "train-run": room("9", "f4", "v"),
    "train-now": room("9", "t"),
    "pick": room("10"),
    "pick-large": room("10", "enter"),
    "pick-copy": room("10", "c"),
    "form": room("3", "s"),
    "history": room("7", "H"),
    "help": room("7", "question_mark"),
    "preferences": room("7", "f8"),
    "palette": room("7", "colon"),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
async def test_every_screen(
    project: Path,
    tmp_path: Path,
    size: tuple[int, int],
    language: str,
    request: pytest.FixtureRequest,
) -> None:
    update = request.config.getoption("--new-snapshots")
    album = Album(f"{language}-{size[0]}x{size[1]}", update=update, beside=tmp_path)
    app = Workshop(project, drawing("halfcell"), Prefs(language=language))
    app.animation_level = "none"
    try:
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: main_screen(pilot).room and app.desk)
            await until(pilot, lambda: "scan" in str(main_screen(pilot).query_one("#job").content))
            for name, step in SCREENS.items():
                await rest(pilot)
                await step(pilot)
                await album.take(pilot, name)
            app.close_project()
        await start_screen(album, size, language)
    finally:
        words.use("en")
    album.close()


async def start_screen(album: Album, size: tuple[int, int], language: str) -> None:
    """The screen before a project is chosen; it was worked on three days ago."""
    past = time.time() - 3.2 * 86400
    for path in Path("zumi/.dataprep").iterdir():
        os.utime(path, (past, past))
    app = Workshop(None, drawing("halfcell"), Prefs(language=language))
    app.animation_level = "none"
    async with app.run_test(size=size) as pilot:
        await rest(pilot)
        await album.take(pilot, "start")
