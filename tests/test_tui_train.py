"""The room Train: settings that are kept, a plan that follows, a run that outlives the screen."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_base
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import Input, Static

from dataprep import runs
from dataprep.cli import main
from dataprep.exporting.train_file import values_of
from dataprep.recipes import training_folder
from dataprep.settings import build
from dataprep.training_values import BASE, PLACES
from tests.test_tui_folder import main_screen, paint_project, until, workshop
from train.config import TrainConfig
from tui.dialogs.base import BaseDialog
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.preset import PresetDialog
from tui.rooms.train import TrainRoom
from tui.widgets.curve import Curve
from tui.widgets.lines import Lines
from tui.widgets.plan_view import PlanView
from tui.widgets.run_view import RunView
from tui.widgets.train_form import TrainForm

RECIPE = """[crop]
size = 64

[export]
out = "lora"
concept = "zumi"
repeats = 2

[train]
resolution = 64
network_dim = 4
max_train_epochs = 2
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base.shared(tmp_path_factory)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A painted project with a recipe, on a machine of its own; no run is left behind."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    # in steps of milliseconds threads only wait for each other
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    root = paint_project(tmp_path / "zumi")
    (root / "dataprep.toml").write_text(RECIPE)
    yield root
    run = runs.find(training_folder(root))
    if run is not None and run.read().alive:
        run.wish("stop")


async def enter(pilot: Pilot[None]) -> TrainRoom:
    """Go to the room when the folder was looked at, and wait until it knows the settings."""
    screen = main_screen(pilot)
    await until(pilot, lambda: screen.room and screen.desk.project.rows)
    await until(pilot, lambda: not screen.desk.jobs.running)
    await pilot.press("9")
    await until(pilot, lambda: screen.room == "train")
    room = screen.query_one(TrainRoom)
    await until(pilot, lambda: room.query_one(TrainForm).values)
    return room


def plan(room: TrainRoom) -> str:
    """The plan as it is drawn."""
    return said(room.query_one(PlanView))


def said(widget: Static) -> str:
    """What a widget says."""
    content = widget.content
    assert isinstance(content, Content)
    return content.plain


def recipe(root: Path, table: str = "train") -> dict[str, Any]:
    """A table of the recipe."""
    tables: dict[str, dict[str, Any]] = tomllib.loads((root / "dataprep.toml").read_text())
    return tables[table]


async def go_to(pilot: Pilot[None], room: TrainRoom, key: str) -> None:
    """Put the cursor on a setting."""
    room.query_one(TrainForm).lines.move_to(key)
    await until(pilot, lambda: room.query_one(TrainForm).lines.current == key)


async def test_settings_are_tried_typed_and_kept(project: Path) -> None:
    async with workshop(project).run_test(size=(80, 24)) as pilot:
        room = await enter(pilot)
        form = room.query_one(TrainForm)
        await until(pilot, lambda: "steps" in plan(room))
        # 4 pictures × 2 repeats × 2 epochs, one a step
        assert "= 16 steps" in plan(room)
        assert "choose a base model" in plan(room)
        assert len(form.lines.keys) == 10

        await go_to(pilot, room, "max_train_epochs")
        await pilot.press("right")
        await until(pilot, lambda: "= 24 steps" in plan(room))
        await until(pilot, lambda: recipe(project)["max_train_epochs"] == 3)

        # typing: the plan follows each key, esc takes it back, enter keeps it
        await pilot.press("enter", "ctrl+u", "1", "0")
        await until(pilot, lambda: "= 80 steps" in plan(room))
        await pilot.press("escape")
        await until(pilot, lambda: "= 24 steps" in plan(room))
        await pilot.press("enter", "ctrl+u", "5", "enter")
        await until(pilot, lambda: recipe(project)["max_train_epochs"] == 5)

        # what cannot be meant is said, and not taken
        await go_to(pilot, room, "network_dim")
        await pilot.press("enter", "ctrl+u", "x", "enter")
        await until(pilot, lambda: "network_dim" in plan(room))
        await pilot.press("escape")
        assert form.values["network_dim"] == 4

        # what is being typed when one leaves is not lost, and the default comes back on demand
        await pilot.press("enter", "ctrl+u", "3", "2")
        await pilot.click("#rail", offset=(4, 7))
        await until(pilot, lambda: main_screen(pilot).room == "export")
        assert recipe(project)["network_dim"] == 32
        await pilot.press("9", "backspace")
        await until(pilot, lambda: "network_dim" not in recipe(project))


async def test_lists_are_typed(project: Path) -> None:
    typed = {
        # a prompt has commas of its own
        "sample_prompts": "zumi, smile --n bad, worse | hat",
        "optimizer_args": "betas=0.9,0.99, eps=1e-6",
        # a factor may be a curve as well, so it is a text
        "mid_lr_weight": "1",
        "conv_block_dims": "4, 0",
        "block_alphas": "0.5, 1",
        "resolution": "64, 96",
    }
    async with workshop(project).run_test(size=(120, 40)) as pilot:
        room = await enter(pilot)
        form = room.query_one(TrainForm)
        form.toggle_expert()
        for key, text in typed.items():
            await go_to(pilot, room, key)
            await pilot.press("enter")
            form.query_one("#train-edit", Input).value = text
            await pilot.press("enter")
            await until(pilot, lambda key=key: key in form.values)
        assert form.error == ""
        config = build(TrainConfig, {BASE: "demo", **PLACES, **form.values}, "")
    assert config.sample_prompts == ("zumi, smile --n bad, worse", "hat")
    assert config.optimizer_args == ("betas=0.9,0.99", "eps=1e-6")
    assert config.mid_lr_weight == ("1",)
    assert config.conv_block_dims == (4, 0)
    assert config.block_alphas == (0.5, 1.0)
    assert config.resolution == (64, 96)


async def test_all_settings_and_the_base_models_of_this_machine(project: Path) -> None:
    app = workshop(project)
    async with app.run_test(size=(120, 40)) as pilot:
        room = await enter(pilot)
        form = room.query_one(TrainForm)
        await pilot.press("f4")
        await until(pilot, lambda: "noise_offset" in form.lines.keys)
        assert main_screen(pilot).desk.prefs.expert
        await go_to(pilot, room, BASE)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, BaseDialog))
        await pilot.press("enter")
        await until(pilot, lambda: form.values.get(BASE) == "demo")
        await until(pilot, lambda: "written yet" in plan(room))
        await until(pilot, lambda: recipe(project, "export").get("base") == "demo")
    app.close_project()
    # another opening remembers
    async with workshop(project).run_test() as pilot:
        room = await enter(pilot)
        assert room.query_one(TrainForm).expert


async def test_a_preset_shows_what_it_changes_and_is_taken_up(project: Path, base: Path) -> None:
    with (project / "dataprep.toml").open("a") as file:
        file.write("text_encoder_lr = 5e-5\nseed = 7\n")
    app = workshop(project)
    async with app.run_test(size=(80, 24)) as pilot:
        room = await enter(pilot)
        form = room.query_one(TrainForm)
        # its family follows from a base model
        await pilot.press("p")
        await pilot.pause()
        assert not isinstance(pilot.app.screen, PresetDialog)
        form.take(BASE, str(base))
        await pilot.press("p")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetDialog))
        dialog = pilot.app.screen
        assert isinstance(dialog, PresetDialog)
        await until(pilot, lambda: dialog.changes)
        # what is so already is not listed
        assert dialog.changes["network_dim"] == 16
        assert "text_encoder_lr" not in dialog.changes
        # a style, and 6 GB: the smallest of the choices
        await pilot.press("right", "down", "right")
        await until(pilot, lambda: dialog.changes.get("gradient_checkpointing"))
        assert dialog.changes["network_dim"] == 32
        lines = dialog.query_one(Lines)
        drawn = {key: str(lines._cells(key)[1]) for key in lines.keys}
        assert drawn["network_dim"] == "4 → 32"
        assert drawn["flip_aug"] == "off → on"
        assert drawn["text_encoder_lr"] == "5e-05 → 2e-05"
        await pilot.press("enter")
        await until(pilot, lambda: recipe(project).get("network_dim") == 32)
        told = recipe(project)
        assert told["gradient_checkpointing"] is True
        assert told["caption_dropout_rate"] == 0.05
        assert told["seed"] == 7

        # again: the same choice to begin with; of the next one, what only this one said goes
        await pilot.press("p")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetDialog))
        dialog = pilot.app.screen
        assert isinstance(dialog, PresetDialog)
        await until(pilot, lambda: "so already" in said(dialog.query_one("#preset-note", Static)))
        await pilot.press("down", "left", "up", "left")
        await until(pilot, lambda: dialog.changes)
        assert dialog.changes["caption_dropout_rate"] is None
        assert dialog.changes["gradient_checkpointing"] is None
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, PresetDialog))
        assert form.values["network_dim"] == 32


async def test_a_preset_leaves_the_size_that_was_cut(project: Path, base: Path) -> None:
    main(["scan", str(project)])
    main(["crop", str(project)])
    main(["export", str(project), str(project / "lora")])
    async with workshop(project).run_test(size=(80, 24)) as pilot:
        room = await enter(pilot)
        room.query_one(TrainForm).take(BASE, str(base))
        await pilot.press("p")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetDialog))
        dialog = pilot.app.screen
        assert isinstance(dialog, PresetDialog)
        await until(pilot, lambda: dialog.changes)
        assert "resolution" not in dialog.changes
        assert "512 would suit it" in said(dialog.query_one("#preset-note", Static))
        await pilot.press("enter")
        await until(pilot, lambda: values_of(project / "lora" / "train.toml").get("min_snr_gamma"))
    # into train.toml as into the recipe; and no export takes it back
    main(["export", str(project), str(project / "lora")])
    told = values_of(project / "lora" / "train.toml")
    assert (told["resolution"], told["lr_scheduler"], told["network_dim"]) == (64, "cosine", 16)


async def test_a_base_model_that_is_gone_is_said_and_another_can_be_chosen(project: Path) -> None:
    text = (project / "dataprep.toml").read_text()
    gone = project.parent / "noob.safetensors"
    text = text.replace('out = "lora"\n', f'out = "lora"\nbase = "{gone.as_posix()}"\n')
    (project / "dataprep.toml").write_text(text)
    async with workshop(project).run_test(size=(80, 24)) as pilot:
        room = await enter(pilot)
        form = room.query_one(TrainForm)
        await until(pilot, lambda: "noob.safetensors: no such file" in plan(room))
        # by its own name, not by where it lies
        assert str(form.lines._cells(BASE)[1]) == "noob.safetensors"
        await go_to(pilot, room, BASE)
        for typed in ("/" + "x" * 300, str(project / "lake.png")):
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, BaseDialog))
            pilot.app.screen.query_one("#base-path", Input).value = typed
            await pilot.press("tab", "enter")
            await until(pilot, lambda: not isinstance(pilot.app.screen, BaseDialog))
            assert form.values[BASE] == str(gone)
        gone.write_bytes(b"")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, BaseDialog))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: "written yet" in plan(room))
        # arrows go through those of this machine, from whatever there is
        gone.unlink()
        await pilot.press("right")
        await until(pilot, lambda: recipe(project, "export")["base"] == "demo")


async def test_the_sum_names_folders_regularization_and_accumulation(project: Path) -> None:
    text = (project / "dataprep.toml").read_text()
    parts = 'repeats = 2\nparts = ["3_lake=lake.png"]\nreg = ["1_person=portrait.jpg"]'
    text = text.replace("repeats = 2", f'{parts}\nbase = "demo"')
    (project / "dataprep.toml").write_text(text + "gradient_accumulation_steps = 4\n")
    shown: list[str] = []
    for _ in ("before an export", "as the trainer plans"):
        async with workshop(project).run_test(size=(80, 24)) as pilot:
            room = await enter(pilot)
            await until(pilot, lambda room=room: "steps" in plan(room))
            shown.append("\n".join(plan(room).splitlines()[:2]))
        main(["export", str(project), str(project / "lora")])
    # two pictures twice and one three times; the one of regularization as often as those
    assert shown[0] == (
        "(2×2 + 1×3 + 7 regularization) × 2 epochs ÷ (1 × 4) = 8 steps\n"
        "2_zumi 2×2  3_lake 1×3  regularization: 1 picture"
    )
    assert shown[1] == shown[0]


async def test_without_a_base_model_nothing_is_begun(project: Path) -> None:
    async with workshop(project).run_test() as pilot:
        screen = main_screen(pilot)
        await until(pilot, lambda: screen.room and screen.desk.project.rows)
        await pilot.press("t")
        await until(pilot, lambda: screen.room == "train")
        assert not screen.desk.jobs.running or screen.desk.jobs.running == "scan"
        assert runs.find(training_folder(project)) is None


async def test_a_run_is_begun_found_again_and_stopped(project: Path, base: Path) -> None:
    with (project / "dataprep.toml").open("a") as file:
        file.write("max_train_steps = 100000\n")
    text = (project / "dataprep.toml").read_text().replace("max_train_epochs = 2\n", "")
    text = text.replace('out = "lora"\n', f'out = "lora"\nbase = "{base.as_posix()}"\n')
    (project / "dataprep.toml").write_text(text)
    app = workshop(project)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = main_screen(pilot)
        await until(pilot, lambda: screen.room and screen.desk.project.rows)
        await until(pilot, lambda: not screen.desk.jobs.running)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, ConfirmDialog))
        assert not (project / "lora").exists()
        await pilot.press("t")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("enter")
        await until(pilot, lambda: screen.room == "train" and screen.desk.watch.alive)
        view = screen.query_one(RunView)
        await until(
            pilot, lambda: view.display and "loss" in said(screen.query_one("#run-head", Static))
        )
        loss = view.query_one("#run-loss", Curve)
        await until(pilot, lambda: loss._series and loss._series[1].points)
    app.close_project()

    # the screen is closed, the run goes on, and is found again
    found = runs.find(training_folder(project))
    assert found is not None
    assert found.read().alive
    async with workshop(project).run_test(size=(120, 40)) as pilot:
        room = await enter(pilot)
        screen = main_screen(pilot)
        view = screen.query_one(RunView)
        await until(pilot, lambda: view.display and view.has_focus)
        await pilot.press("p")
        await until(pilot, lambda: seen(pilot).reading.state == "paused")
        await pilot.press("w")
        await until(pilot, lambda: seen(pilot).reading.saved)
        await pilot.press("p")
        await until(pilot, lambda: seen(pilot).reading.state == "running")
        # to the settings and back; t leads to the run
        await pilot.press("v")
        await until(pilot, lambda: not view.display)
        # the plan came while it was hidden, and has its whole width now
        await until(pilot, lambda: "bucket" in plan(room))
        assert "64×64 (" in plan(room)
        await pilot.press("v", "X")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("enter")
        await until(pilot, lambda: seen(pilot).reading.state == "stopped")
        await until(pilot, lambda: "stopped" in said(screen.query_one("#run-head", Static)))
        assert Path(str(seen(pilot).reading.result["lora"])).is_file()
        assert room.query_one(RunView).display


def seen(pilot: Pilot[None]) -> Any:
    """The run as it was looked at last."""
    return main_screen(pilot).desk.watch.seen
