"""A config file is read, flattened, checked and answered in sentences."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from dataprep.errors import EXIT_USAGE, UsageError
from train.config import TrainConfig
from train.config.reading import load

GOOD = """
[model]
pretrained_model_name_or_path = "base"
[dataset]
train_data_dir = "img"
output_dir = "model"
resolution = "512,768"
[training]
max_train_epochs = 4
[concept]
trigger_word = "zumi"
pruned_tags = ["green hair", "twintails"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    (tmp_path / "train.toml").write_text(GOOD)
    return tmp_path


def refusal(path: Path, *overrides: str) -> str:
    with pytest.raises(UsageError) as caught:
        load(path, overrides)
    assert caught.value.exit_code == EXIT_USAGE
    return str(caught.value)


def test_sections_are_flattened_and_paths_start_at_the_file(folder: Path) -> None:
    config = load(folder)
    assert config == load(folder / "train.toml")
    assert config.train_data_dir == folder / "img"
    assert config.pretrained_model_name_or_path == str(folder / "base")
    assert config.resolution == (512, 768)
    assert config.concept.pruned_tags == ("green hair", "twintails")
    assert (config.network_dim, config.unet_lr, config.scale) == (16, 1e-4, 1.0)


def test_a_name_that_is_no_folder_here_is_left_for_the_hub(folder: Path) -> None:
    (folder / "base").rmdir()
    assert load(folder).pretrained_model_name_or_path == "base"


@pytest.mark.parametrize(
    "said", ['"one.safetensors, two.safetensors"', '["one.safetensors", "two.safetensors"]']
)
def test_loras_to_merge_lie_beside_the_file_as_a_list_or_as_one_text(
    folder: Path, said: str
) -> None:
    config = load(folder, [f"base_weights={said}"])
    assert config.base_weights == tuple(
        str(folder / name) for name in ("one.safetensors", "two.safetensors")
    )
    with pytest.raises(UsageError, match="base_weights"):
        load(folder, ["base_weights=[[1]]"])


def test_set_wins_over_the_file(folder: Path) -> None:
    config = load(folder, ["unet_lr=2e-3", "output_name=b", "concept.trigger_word=nono"])
    assert (config.unet_lr, config.output_name) == (2e-3, "b")
    assert config.concept.trigger_word == "nono"
    assert config.concept.pruned_tags == ("green hair", "twintails")
    steps = load(folder, ["max_train_steps=7"])
    assert (steps.max_train_epochs, steps.max_train_steps) == (None, 7)


def test_an_unknown_key_is_answered_with_the_nearest(folder: Path) -> None:
    path = folder / "train.toml"
    path.write_text(GOOD.replace("resolution", "resolutoin"))
    assert refusal(folder) == (
        f"{path}: unknown setting 'resolutoin'\n  did you mean 'resolution'?"
    )
    path.write_text(GOOD)
    assert refusal(folder, "concept.triger_word=a") == (
        f"{path} with --set [concept]: unknown setting 'triger_word'\n"
        "  did you mean 'trigger_word'?"
    )


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("network_dim=0", "network_dim: must be greater than or equal to 1 (got 0)"),
        ("lr_scheduler=linaer", "lr_scheduler: must be 'constant', 'constant_with_warmup'"),
        ("caption_dropout_rate=2", "caption_dropout_rate: must be less than or equal to 1"),
        ("min_bucket_reso=768", "min_bucket_reso (768) must be at most the resolution (512)"),
        ("resolution=abc", "resolution"),
        ("noequals", "--set noequals: not key=value"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(
    folder: Path, override: str, sentence: str
) -> None:
    assert sentence in refusal(folder, override)


def test_one_half_may_stand_still_but_not_both(folder: Path) -> None:
    assert load(folder, ["unet_lr=0"]).unet_lr == 0
    assert "nothing would be trained" in refusal(folder, "unet_lr=0", "text_encoder_lr=0")


def test_epochs_and_steps_exclude_each_other(folder: Path) -> None:
    (folder / "train.toml").write_text(GOOD.replace("max_train_epochs = 4", ""))
    assert "give either max_train_epochs or max_train_steps" in refusal(folder)
    both = GOOD.replace("max_train_epochs = 4", "max_train_epochs = 4\nmax_train_steps = 5")
    (folder / "train.toml").write_text(both)
    assert "give either max_train_epochs or max_train_steps" in refusal(folder)


def test_the_file_itself_may_be_wrong(tmp_path: Path) -> None:
    path = tmp_path / "train.toml"
    assert f"{path}: no such file" in refusal(tmp_path)
    path.write_text("resolution = = 5")
    assert f"{path}: " in refusal(path)
    assert "line 1" in refusal(path)
    path.write_bytes(b"a = '\xff'")
    assert f"{path}: not UTF-8 text at byte 5" in refusal(path)
    path.write_text("[a]\nseed = 1\n[b]\nseed = 2\n")
    assert f"{path}: seed stands in two sections" in refusal(path)


def test_bucket_limits_follow_a_small_or_large_resolution(folder: Path) -> None:
    small, large = load(folder, ["resolution=128"]), load(folder, ["resolution=1536"])
    assert (small.min_bucket_reso, small.max_bucket_reso) == (64, 1024)
    assert (small.bucket_reso_steps, large.bucket_reso_steps) == (32, 64)
    assert (large.min_bucket_reso, large.max_bucket_reso) == (256, 1536)
    usual = load(folder, ["resolution=512"])
    assert (usual.min_bucket_reso, usual.max_bucket_reso, usual.bucket_reso_steps) == (
        256,
        1024,
        64,
    )


def test_it_cannot_be_changed_and_survives_json(folder: Path) -> None:
    config = load(folder)
    with pytest.raises(ValidationError):
        config.seed = 1  # type: ignore[misc]
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config


def test_every_setting_says_what_it_is() -> None:
    assert [n for n, field in TrainConfig.model_fields.items() if not field.description] == []


def test_reading_a_config_or_making_a_plan_does_not_load_torch() -> None:
    code = "import sys, train.config, train.plan; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
