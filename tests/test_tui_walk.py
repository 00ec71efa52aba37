"""The whole way as a person walks it: from the sample's folder to a LoRA, by keys and by mouse."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from bench.tui import Terminal
from dataprep import concept, runs, scoresheet
from dataprep.dataset import Dataset
from dataprep.errors import DataprepError
from dataprep.lora_files import metadata
from dataprep.stages.demo import lay_out
from dataprep.weights import sample_data
from tests.test_tui_folder import main_screen, until, workshop
from tui.app import Workshop
from tui.desk import Desk
from tui.dialogs.base import BaseDialog
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.copy import CopyDialog
from tui.dialogs.form import FormScreen
from tui.rooms import ROOMS
from tui.widgets.grid_view import GridView
from tui.widgets.keys import Keys
from tui.widgets.lines import Lines
from tui.widgets.rail import Rail

SIZE = (80, 24)
LONG = 300.0
"""Seconds that a training or a score may take on a loaded machine."""
PICTURES = 22
"""Of 24: one is cut short, one is another's copy."""


def desk_of(pilot: Pilot[None]) -> Desk:
    assert isinstance(pilot.app, Workshop)
    assert pilot.app.desk is not None
    return pilot.app.desk


def job_line(pilot: Pilot[None]) -> str:
    return str(main_screen(pilot).query_one("#job", Static).content)


async def idle(pilot: Pilot[None]) -> None:
    desk = desk_of(pilot)
    await until(pilot, lambda: not desk.jobs.running and desk.reader.idle)


async def opened(pilot: Pilot[None]) -> None:
    await until(pilot, lambda: main_screen(pilot).room and "scan:" in job_line(pilot))
    await idle(pilot)


async def at_last(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    """``until`` for what takes its time."""
    end = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        await pilot.pause(0.2)


async def state(pilot: Pilot[None], room: str, wanted: str = "done") -> None:
    """Wait until the rail shows a room so."""
    desk = desk_of(pilot)
    await at_last(pilot, lambda: desk.project.standing[room].state == wanted)
    await idle(pilot)


async def enter(pilot: Pilot[None], key: str, room: str) -> None:
    await pilot.press(key)
    await until(pilot, lambda: main_screen(pilot).room == room)
    await idle(pilot)


async def test_from_a_folder_to_a_lora_with_keys_only(tmp_path: Path) -> None:
    root = tmp_path / "mychar"
    root.mkdir()
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        desk = desk_of(pilot)
        # import
        await pilot.press("i", *str(sample_data() / "zumi"), "enter")
        await until(pilot, lambda: len(desk.project.rows) == PICTURES + 1)
        await idle(pilot)
        await pilot.press("escape", "n")
        await until(pilot, lambda: main_screen(pilot).room == "clean")
        # clean: look for duplicates, accept what is proposed
        await pilot.press("x")
        await until(pilot, lambda: desk.project.standing["clean"].state == "done")
        await idle(pilot)
        await pilot.press("a")
        await until(pilot, lambda: desk.project.standing["crop"].total == PICTURES)
        await pilot.press("n")
        await until(pilot, lambda: main_screen(pilot).room == "crop")
        await idle(pilot)
        # crop to what the demo's base draws, in the form
        await pilot.press("s")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        await pilot.press(*"128", "enter")
        await state(pilot, "crop")
        assert desk.project.rows["zumi_00.jpg"].size == "128×128"
        # background
        await enter(pilot, "4", "background")
        await pilot.press("M")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
        await pilot.press("home", "enter")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
        await pilot.press("x")
        await state(pilot, "background")
        # tag
        await enter(pilot, "5", "tag")
        await pilot.press("home", "enter", "x")
        await state(pilot, "tag")
        # prune what is suggested, with a trigger word
        await enter(pilot, "6", "prune")
        await pilot.press("e", *"zumi", "enter")
        await idle(pilot)
        await pilot.press("x")
        await state(pilot, "prune")
        assert desk.project.trigger == "zumi"
        assert {"green hair", "twintails", "blue dress"} <= set(desk.project.pruned)
        # review: keep one
        await enter(pilot, "7", "review")
        await pilot.press("a")
        await until(pilot, lambda: desk.project.rows["zumi_00.jpg"].decisions.verdict == "keep")
        # export, each picture once
        await enter(pilot, "8", "export")
        room = main_screen(pilot)._room_of("export")
        for _ in range(20):
            if room.values().get("repeats") == 1:
                break
            await pilot.press("minus")
            await idle(pilot)
        await pilot.press("x")
        await state(pilot, "export")
        assert len(list((root / "lora/img/1_zumi").glob("*.png"))) == PICTURES
        # train: the demo's base, four at once, two epochs
        await enter(pilot, "9", "train")
        await pilot.press("home", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, BaseDialog))
        await pilot.press("enter")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
        await set_to(pilot, "train_batch_size", "4")
        await set_to(pilot, "max_train_epochs", "2")
        await pilot.press("t")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("enter")
        await at_last(pilot, lambda: desk.watch.alive)
        await at_last(pilot, lambda: not desk.watch.alive)
        await state(pilot, "train")
        files = sorted(path.name for path in (root / "lora/model").glob("*.safetensors"))
        assert files == ["zumi-000001.safetensors", "zumi.safetensors"]
        assert metadata(root / "lora/model/zumi.safetensors")["ss_num_train_images"] == "22"
        # pick: score, and copy an epoch to where LoRA files are used
        await pilot.press("n")
        await until(pilot, lambda: main_screen(pilot).room == "pick")
        desk.keep("score", {"samples": 1, "steps": 2})
        await pilot.press("x")
        await state(pilot, "pick")
        sheet = scoresheet.read(root / "lora")
        assert sheet is not None
        assert [column.name for column in sheet.columns] == ["base", "epoch 1", "last"]
        await until(pilot, lambda: main_screen(pilot).query_one(GridView).display)
        await pilot.press("end", "c")
        await until(pilot, lambda: isinstance(pilot.app.screen, CopyDialog))
        await pilot.press(*str(tmp_path / "Lora"), "enter")
        copy = tmp_path / "Lora" / "zumi.safetensors"
        await until(pilot, copy.exists)
        await idle(pilot)
        assert copy.read_bytes() == (root / "lora/model/zumi.safetensors").read_bytes()
    with Dataset.open(root) as dataset:
        assert concept.read(dataset.store).trigger == "zumi"


async def set_to(pilot: Pilot[None], name: str, value: str) -> None:
    """Type a value of the trainer's settings."""
    lines = main_screen(pilot).query_one("#room-train").query(Lines).first()
    assert lines.has_focus
    lines.move_to(name)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.focused, Input))
    line = pilot.app.focused
    assert isinstance(line, Input)
    line.value = ""
    await pilot.press(*value, "enter")
    await until(pilot, lambda: lines.has_focus)


async def click(pilot: Pilot[None], key: str) -> None:
    """Click on a key in the footer."""
    keys = main_screen(pilot).query_one(Keys)
    for start, _end, active in keys._places:
        if active.binding.key.split(",")[0] == key:
            await pilot.click(Keys, offset=(start + 1, 0))
            return
    raise AssertionError(f"{key} is not in the footer: {keys.content}")


async def room_by_mouse(pilot: Pilot[None], room: str) -> None:
    await pilot.click(Rail, offset=(5, list(ROOMS).index(room)))
    await until(pilot, lambda: main_screen(pilot).room == room)
    await idle(pilot)


async def press_button(pilot: Pilot[None]) -> None:
    """Click on the first button of the dialog."""
    button: Widget = pilot.app.screen.query(Button).first()
    await pilot.click(button)


@pytest.mark.slow
async def test_the_same_way_by_mouse(tmp_path: Path) -> None:
    root = demo_in(tmp_path)
    recipe = (root / "dataprep.toml").read_text(encoding="utf-8")
    recipe = recipe.replace("repeats = 8", "repeats = 1").replace(
        "max_train_epochs = 6", "max_train_epochs = 1"
    )
    (root / "dataprep.toml").write_text(recipe, encoding="utf-8")
    async with workshop(root).run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        desk = desk_of(pilot)
        for room in ("crop", "background", "tag"):
            await room_by_mouse(pilot, room)
            if room == "tag":
                await pilot.click("#tag-models", offset=(4, 1))
            await click(pilot, "x")
            await state(pilot, room)
        await room_by_mouse(pilot, "prune")
        await click(pilot, "x")
        await state(pilot, "prune")
        await room_by_mouse(pilot, "export")
        await click(pilot, "x")
        await state(pilot, "export")
        await room_by_mouse(pilot, "train")
        await click(pilot, "t")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await press_button(pilot)
        await at_last(pilot, lambda: desk.watch.alive)
        await at_last(pilot, lambda: not desk.watch.alive)
        await state(pilot, "train")
        assert (root / "lora/model/zumi.safetensors").is_file()


SLOW = ("background", "tag", "pick")
"""Rooms whose stage is surely still at work when the key is pressed."""


@pytest.mark.parametrize("room", [name for name in ROOMS if name not in ("review", "train")])
async def test_escape_stops_the_stage_of_every_room(tmp_path: Path, room: str) -> None:
    """Whatever a room runs ends at the next yield, and leaves nothing half done."""
    root = demo_in(tmp_path)
    if room == "pick":
        shutil.copytree(trained_once(root), root / "lora")
    async with workshop(root).run_test(size=SIZE) as pilot:
        await opened(pilot)
        desk = desk_of(pilot)
        await enter(pilot, str((list(ROOMS).index(room) + 1) % 10), room)
        verb = main_screen(pilot)._room_of(room).VERB
        values = {"sources": [str(sample_data() / "zumi")]} if room == "import" else {}
        before = history(root)
        assert desk.run(verb, values)
        await pilot.press("escape")
        await until(pilot, lambda: not desk.jobs.running)
        await idle(pilot)
        line = job_line(pilot)
        stopped = line == f"{verb}: stopped"
        assert stopped or (room not in SLOW and line.startswith(f"{verb}: ")), line
        assert not stopped or history(root) == before
        # the next one is not kept from running
        await pilot.press("r")
        await until(pilot, lambda: "scan:" in job_line(pilot))


def demo_in(folder: Path) -> Path:
    """The demo's pictures and recipe; nothing was done with them."""
    root = folder / "zumi"
    for _ in lay_out(root, 42):
        pass
    return root


def trained_once(root: Path) -> Path:
    """A training folder with one LoRA that learned nothing, and no score."""
    out = root.with_name("trained")
    (out / "model").mkdir(parents=True)
    (out / "train.toml").write_text(
        'pretrained_model_name_or_path = "demo"\noutput_dir = "model"\noutput_name = "zumi"\n'
        '[concept]\ntrigger_word = "zumi"\npruned_tags = ["green hair"]\ntagger = "demo"\n'
    )
    save_file({"a": np.zeros(1, np.float32)}, out / "model" / "zumi.safetensors")
    return out


def history(root: Path) -> list[object]:
    with Dataset.open(root) as dataset:
        return list(dataset.history())


async def test_a_run_goes_on_when_the_screens_are_killed_and_is_found_again(tmp_path: Path) -> None:
    root = demo_in(tmp_path)
    terminal = Terminal([sys.executable, "-P", "-m", "tui", str(root)])
    terminal.until("scan: ")
    terminal.settle()
    terminal.press("t")
    terminal.until("Train zumi on")
    assert b"not done yet: Crop, Background, Tag, Prune" in terminal.seen
    terminal.press("\r")
    end = time.monotonic() + LONG
    while (run := runs.find(root / "lora")) is None or not run.read().progress:
        assert time.monotonic() < end, "no run was begun"
        terminal.read(0.2)
    os.kill(terminal.pid, signal.SIGKILL)
    os.waitpid(terminal.pid, 0)
    assert run.read().alive
    try:
        await found_again(root)
    finally:
        with suppress(DataprepError):  # it was stopped already, as it should be
            run.wish("stop")
    assert run.read().state in ("stopped", "finished")


async def found_again(root: Path) -> None:
    async with workshop(root).run_test(size=SIZE) as pilot:
        # the run has the line of the jobs, on which a scan would be told
        await until(pilot, lambda: main_screen(pilot).room and desk_of(pilot).project.loaded)
        await at_last(pilot, lambda: desk_of(pilot).watch.alive)
        await at_last(pilot, lambda: job_line(pilot).startswith("train"))
        # t goes to the run instead of starting another one
        await pilot.press("t")
        await until(pilot, lambda: main_screen(pilot).room == "train")
        await pilot.press("X")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("enter")
        await at_last(pilot, lambda: not desk_of(pilot).watch.alive)
