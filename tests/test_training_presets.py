"""Where to begin: the trainer's presets as changes of one project's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny_base

from dataprep import training_presets
from dataprep.errors import UsageError
from dataprep.jobs import finish
from dataprep.stages.train import Settings
from dataprep.training_presets import GOALS, MEMORY_GB, asking, changes
from dataprep.training_values import BASE
from train import presets


def test_the_choices_are_those_of_the_trainer() -> None:
    assert presets.GOALS == GOALS
    assert presets.MEMORY_GB == MEMORY_GB
    # every key that a preset may hold has a place in a form
    tables = [presets.values(goal, family) for goal in GOALS for family in presets.FAMILIES]
    assert {key for table in tables for key in table} <= set(Settings.model_fields) | {
        key for keys in _groups() for key in keys
    }


def _groups() -> list[tuple[str, ...]]:
    from dataprep.training_values import GROUPS

    return list(GROUPS.values())


@pytest.mark.parametrize(("family", "named"), [("sd1", "sd15"), ("sdxl", "sdxl")])
def test_the_trainer_tells_the_family_and_says_the_whole_table(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, family: Any, named: str
) -> None:
    base = tiny_base.shared(tmp_path_factory, family)
    # what is set already does not win here, and a path may start at the training folder
    (tmp_path / "base").symlink_to(base)
    values = {BASE: "base", "unet_lr": 9.0, "resolution": 64, "max_train_epochs": 3}
    told = finish(asking(values, tmp_path, "style", 12))
    assert told == presets.values("style", named, 12)


def test_a_number_of_steps_stays(tmp_path: Path) -> None:
    told = finish(asking({BASE: "demo", "max_train_steps": 900}, tmp_path, "object", None))
    assert told["network_dim"] == 8
    assert not {"max_train_steps", "max_train_epochs"} & set(told)


def test_a_base_of_which_nothing_is_known_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file or folder"):
        finish(asking({BASE: "/nowhere/base.safetensors"}, tmp_path, "style", None))
    (tmp_path / "base").mkdir()
    with pytest.raises(UsageError, match="which family the base model is of cannot be told"):
        finish(asking({BASE: "base"}, tmp_path, "style", None))


def test_what_an_earlier_preset_set_goes_with_it() -> None:
    earlier = {"gradient_checkpointing": True, "caption_dropout_rate": 0.05, "network_dim": 32}
    values = {**earlier, "caption_dropout_rate": 0.2, "flip_aug": True}
    found = changes(values, {"network_dim": 16, "keep_tokens": 1}, earlier, is_cut=False)
    # the rate was changed by a person meanwhile; keep_tokens is the export's
    assert found == {"network_dim": 16, "gradient_checkpointing": None}


def test_sizes_stay_as_the_pictures_were_cut() -> None:
    preset = presets.values("character", "sdxl", 12)
    assert changes({}, preset, {}, is_cut=False)["resolution"] == [1024, 1024]
    cut = changes({"max_bucket_reso": 2048}, preset, {"max_bucket_reso": 2048}, is_cut=True)
    assert not set(training_presets.OF_CROP) & set(cut)
    assert cut["gradient_checkpointing"] is True
