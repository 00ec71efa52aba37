"""The next training: what it is told, where changes go, how long it is and how much it takes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_tui_folder import paint_project

from dataprep import training_plan, training_values
from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.exporting.train_file import change_train_file, write_train_file
from dataprep.fields import fields_of
from dataprep.jobs import finish
from dataprep.recipes import training_folder
from dataprep.settings import build
from dataprep.stages import STAGES
from dataprep.stepping import stepped
from dataprep.training_plan import Earlier
from dataprep.training_values import BASE
from dataprep.weights import find_base
from train.config import TrainConfig

FIELDS = fields_of(TrainConfig)
RECIPE = """# mine
[export]
concept = "zumi"
repeats = 3

[train]
network_dim = 8 # small
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A painted project with a recipe, scanned."""
    root = paint_project(tmp_path / "zumi")
    (root / "dataprep.toml").write_text(RECIPE)
    carry_out(root, "scan")
    return root


def carry_out(root: Path, verb: str, **values: Any) -> None:
    """Run a stage."""
    model, run = STAGES[verb].load()
    with Dataset.open(root) as dataset:
        finish(run(dataset, model(**values)))


def export(root: Path) -> Path:
    """Export as a screen does."""
    from dataprep.exporting.preview import preview

    _model, run = STAGES["export"].load()
    with Dataset.open(root) as dataset:
        finish(run(dataset, preview(dataset, {}).settings))
    return training_folder(root) / "train.toml"


# what a run is told


def test_before_an_export_the_recipe_speaks(project: Path) -> None:
    values = training_values.read(project)
    assert values["network_dim"] == 8
    assert values["max_train_epochs"] == 10
    training_values.change(project, {BASE: "demo", "network_dim": 32, "max_train_steps": 500})
    recipe = tomllib.loads((project / "dataprep.toml").read_text())
    assert recipe["train"] == {"network_dim": 32, "max_train_steps": 500}
    assert recipe["export"]["base"] == "demo"
    assert "# mine" in (project / "dataprep.toml").read_text()
    assert "max_train_epochs" not in training_values.read(project)


def test_a_change_outlives_the_next_export(project: Path) -> None:
    path = export(project)
    path.write_text(path.read_text() + "# a person's word\n")
    training_values.change(project, {"unet_lr": 2e-4, BASE: "demo"})
    export(project)
    values = training_values.read(project)
    assert values["unet_lr"] == 2e-4
    assert Path(values[BASE]).name == "demo-base"
    assert "# a person's word" in path.read_text()
    # and what is taken out stays out
    training_values.change(project, {"unet_lr": None})
    export(project)
    assert "unet_lr" not in training_values.read(project)


def test_steps_and_epochs_never_stand_together(project: Path) -> None:
    path = export(project)
    training_values.change(project, {"max_train_steps": 50})
    for _ in range(2):
        told = training_values.read(project)
        assert told["max_train_steps"] == 50
        assert "max_train_epochs" not in told
        path = export(project)
    training_values.change(project, {"max_train_epochs": 2})
    export(project)
    assert "max_train_steps" not in training_values.read(project)
    # a person's own line in the file is not spoken against by an older recipe
    change_train_file(path, {"max_train_epochs": None, "max_train_steps": 7})
    written = write_train_file(path, {"max_train_epochs": 2}, {}, {"max_train_epochs": 2})
    assert written.kept == ("max_train_epochs",)
    assert "max_train_epochs" not in training_values.read(project)


def test_a_key_is_changed_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "train.toml"
    path.write_text("seed = 1 # luck\n[odd]\nunet_lr = 1e-4\n")
    change_train_file(path, {"seed": 2, "unet_lr": 2e-4, "clip_skip": 2, "network_dim": None})
    assert tomllib.loads(path.read_text()) == {
        "seed": 2,
        "odd": {"unet_lr": 2e-4},
        "model": {"clip_skip": 2},
    }
    assert "# luck" in path.read_text()


def test_every_setting_of_the_trainer_has_its_place() -> None:
    groups = training_values.grouped(FIELDS)
    shown = [key for keys in groups.values() for key in keys]
    assert len(shown) == len(set(shown))
    assert {*shown, *training_values.HIDDEN} == set(FIELDS)
    assert set(training_values.NOVICE) <= set(shown)
    # a new setting is put where one looks for it
    assert "more" not in groups


# how long, and how much it takes


def test_the_arithmetic_is_the_trainers(project: Path) -> None:
    training_values.change(project, {BASE: "demo", "train_batch_size": 2, "max_train_epochs": 3})
    before = None
    with Dataset.open(project) as dataset:
        values = training_values.read(project)
        before = training_plan.of_export(dataset, values)
        assert training_plan.needs_export(dataset)
    out = export(project).parent
    plan = training_plan.ask_trainer(out)
    values = training_values.read(project)
    found = training_plan.of_trainer(plan, values)
    assert found.steps == plan["steps"]
    assert found.folders == ((4, 3),)
    assert before is not None
    assert before.folders == found.folders
    # what is typed is counted without asking the trainer again
    for changes in ({"train_batch_size": 4}, {"max_train_epochs": 7}, {"max_train_steps": 9}):
        training_values.change(project, changes)
        fresh = training_values.read(project)
        told = training_plan.ask_trainer(out)
        assert training_plan.with_values(found, fresh).steps == told["steps"]
    with Dataset.open(project) as dataset:
        export(project)
        assert not training_plan.needs_export(dataset)


def test_the_arithmetic_holds_with_regularization_and_accumulation(project: Path) -> None:
    recipe = RECIPE.replace("repeats = 3", 'repeats = 3\nreg = ["2_person=lake.png"]')
    (project / "dataprep.toml").write_text(recipe)
    changes = {BASE: "demo", "train_batch_size": 2, "gradient_accumulation_steps": 2}
    training_values.change(project, {**changes, "max_train_epochs": 3})
    values = training_values.read(project)
    with Dataset.open(project) as dataset:
        before = training_plan.of_export(dataset, values)
    told = training_plan.ask_trainer(export(project).parent)
    found = training_plan.of_trainer(told, training_values.read(project))
    assert before is not None
    # three pictures three times, and the fourth as often as those altogether
    assert (told["train_uses"], told["reg_uses"]) == (9, 9)
    assert before.steps == found.steps == told["steps"]
    assert before.folders == found.folders == ((3, 3),)


def test_time_and_memory_come_from_a_run_of_the_same_shape() -> None:
    told = {BASE: "demo-base", "resolution": [128, 128], "train_batch_size": 2, "network_dim": 8}
    told |= {"mixed_precision": "no", "device": "auto", "text_encoder_lr": 5e-5}
    earlier = [Earlier(told, it_per_s=2.0, memory_mb=700.0)]
    outlook = training_plan.Outlook(((10, 2),), {"128×128": 20}, 2, 1, 10, memory_mb=650.0)
    values = {BASE: "/models/demo-base", "resolution": 128, "train_batch_size": 2, "network_dim": 8}
    same = training_plan.with_earlier(outlook, earlier, values)
    assert (same.seconds, same.memory_mb, same.is_measured) == (5.0, 700.0, True)
    # a step of twice the pictures takes about twice as long; its memory was not measured
    four = training_plan.with_values(outlook, values | {"train_batch_size": 4})
    wider = training_plan.with_earlier(four, earlier, values | {"train_batch_size": 4})
    assert (wider.seconds, wider.memory_mb, wider.is_measured) == (5.0, 650.0, False)
    other = training_plan.with_earlier(outlook, earlier, values | {"resolution": 512})
    assert other.seconds is None


# trying values


@given(st.sampled_from(sorted(FIELDS)), st.lists(st.sampled_from([1, -1]), max_size=25))
def test_a_step_never_leaves_what_the_trainer_takes(name: str, moves: list[int]) -> None:
    field = FIELDS[name]
    value = field.default
    needed = {BASE: "demo", "train_data_dir": "img", "output_dir": "model"}
    for by in moves:
        value = stepped(field, value, by, doubling=name in ("network_dim", "network_alpha"))
        if field.required or name == "concept" or value is None:
            continue
        given_ = {"max_train_epochs": 1, "max_bucket_reso": 4096, **needed, name: value}
        if name == "max_train_steps":
            del given_["max_train_epochs"]
        # settings may contradict one another, but none is out of its own range
        assert not _wrong(given_).startswith(f": {name}: ")


def _wrong(values: dict[str, Any]) -> str:
    try:
        build(TrainConfig, values, "")
    except UsageError as error:
        return error.message
    return ""


@given(st.sampled_from([2e-4, 1e-4, 5e-5, 0.01, 0.5]))
def test_a_rate_goes_up_and_back(rate: float) -> None:
    field = FIELDS["unet_lr"]
    assert stepped(field, stepped(field, rate, 1), -1) == rate
    assert stepped(field, rate, 1) > rate > stepped(field, rate, -1)


def test_a_size_doubles() -> None:
    field = FIELDS["network_dim"]
    assert [stepped(field, 16, by, doubling=True) for by in (1, -1)] == [32, 8]
    assert stepped(field, 1, -1, doubling=True) == 1
    assert stepped(field, 24, 1, doubling=True) == 32
    assert stepped(field, 24, -1, doubling=True) == 16


# base models


def test_a_base_model_is_called_by_its_own_name(tmp_path: Path) -> None:
    assert training_values.base_name("/models/noob/noob-xl.safetensors") == "noob-xl.safetensors"
    assert training_values.base_name("../old.CKPT") == "old.CKPT"
    assert training_values.base_name("someone/anime-1.5") == "someone/anime-1.5"
    assert training_values.base_name(str(tmp_path)) == tmp_path.name
    assert training_values.base_name(find_base("demo")) == "demo"
    assert training_values.base_name("x" * 5000) == "x" * 5000


@pytest.mark.parametrize("name", ["noob.safetensors", "old.ckpt"])
def test_one_file_is_a_base_model(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"weights")
    assert find_base(str(tmp_path / name)) == str(tmp_path / name)
    # beside train.toml its name is enough
    assert training_values.base_error(name, tmp_path) == ""
    (tmp_path / name).unlink()
    for value in (name, str(tmp_path / name)):
        with pytest.raises(UsageError, match="no such file or folder"):
            find_base(value)
        assert "no such file" in training_values.base_error(value, tmp_path)


def test_what_can_be_no_base_model_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="is no base model"):
        find_base(str(tmp_path / "notes.txt"))
    assert "is no base model" in training_values.base_error("notes.txt", tmp_path)
    assert training_values.base_error("x" * 5000, tmp_path) == f"{'x' * 60}: File name too long"
    # what is nowhere here may be on the Hub
    assert training_values.base_error("someone/anime-1.5", tmp_path) == ""
