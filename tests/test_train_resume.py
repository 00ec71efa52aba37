"""A run that was stopped or killed and goes on from its state ends as one that was not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_base
import torch
from test_train_run import start, until_step
from tiny_runs import MIDDLE, STARTED, Trained, run

from dataprep.errors import UsageError
from dataprep.jobs import Progress, finish
from train import state
from train.config import reading
from train.families import Family
from train.recipe import train

EPOCH = 4
"""Steps of an epoch."""
DROPOUTS = {"network_dropout": 0.2, "rank_dropout": 0.2, "module_dropout": 0.2}
CASES: dict[str, tuple[Family, dict[str, Any]]] = {
    "lora, pictures that vary, a text encoder that stops": (
        "sd1",
        {
            "flip_aug": True,
            "color_aug": True,
            "random_crop": True,
            "noise_offset": 0.1,
            "ip_noise_gamma": 0.1,
            "lr_scheduler": "cosine",
            "lr_warmup_steps": 2,
            "token_warmup_step": 6,
            "stop_text_encoder_training": 2,
        },
    ),
    "loha, AdamW8bit": (
        "sd1",
        {
            **MIDDLE,
            "network_type": "loha",
            "optimizer_type": "AdamW8bit",
            # else moments of tensors this small would be kept in 32 bits
            "optimizer_args": ["min_8bit_size=1"],
            "scale_weight_norms": 0.05,
        },
    ),
    "dylora, dropouts, AdamWScheduleFree": (
        "sd1",
        {
            "network_type": "dylora",
            **DROPOUTS,
            "optimizer_type": "AdamWScheduleFree",
            "gradient_checkpointing": True,
        },
    ),
    "sdxl, accumulated gradients, captions that vary": (
        "sdxl",
        {
            "block_dims": [0] * 10 + [2] * 3 + [0] * 10,
            "train_batch_size": 1,
            "gradient_accumulation_steps": 2,
            "shuffle_caption": True,
            "caption_dropout_rate": 0.3,
            "caption_tag_dropout_rate": 0.3,
        },
    ),
    "Prodigy": (
        "sd1",
        {**MIDDLE, "optimizer_type": "Prodigy", "unet_lr": 1.0, "text_encoder_lr": 1.0},
    ),
}


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Family], Path]:
    return lambda family: tiny_base.shared(tmp_path_factory, family)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny_base.paint(tmp_path / "img" / "4_thing", 2)
    return tmp_path


@pytest.mark.parametrize("name", CASES)
def test_going_on_is_as_if_nothing_had_been(
    bases: Callable[[Family], Path], root: Path, name: str
) -> None:
    family, values = CASES[name]
    values = {**values, "max_train_epochs": 2, "save_state": True}
    straight = run(bases(family), root, **values)
    first = Path(straight.report["epochs"][0]["lora"]).read_bytes()
    last = straight.path.read_bytes()

    def part(stop_after: int | None = None, resume: Path | None = None) -> Trained:
        out = root / f"until {stop_after}" / "model"
        return run(bases(family), root, stop_after, **values, resume=resume, output_dir=out)

    def state_of(trained: Trained, step: int) -> Path:
        assert trained.report["steps"] == step
        return trained.path.with_name(f"lora-step{step:08d}-state")

    in_epoch = part(EPOCH - 1)
    kept = state.load(state_of(in_epoch, EPOCH - 1)).optimizer[0].values()
    assert any(tensor.dtype == torch.uint8 for tensor in kept) == ("8bit" in name)
    at_its_end = part(EPOCH, state_of(in_epoch, EPOCH - 1))
    rest = part(None, state_of(at_its_end, EPOCH))
    parts = [in_epoch, at_its_end, rest]
    assert [loss for each in parts for loss in each.losses] == straight.losses
    assert rest.path.read_bytes() == last
    assert (rest.path.parent / "lora-000001.safetensors").read_bytes() == first
    assert len(straight.losses) == 2 * EPOCH
    assert first != last


def test_the_state_of_an_epoch_and_the_end(bases: Callable[[Family], Path], root: Path) -> None:
    values = {"max_train_epochs": 2, "save_state": True, "gradient_checkpointing": True}
    straight = run(bases("sd1"), root, **values)
    last = straight.path.read_bytes()
    straight.path.unlink()
    rest = run(bases("sd1"), root, **values, resume=root / "model" / "lora-000001-state")
    assert rest.losses == straight.losses[EPOCH:]
    assert rest.path.read_bytes() == last
    assert rest.report["loss_first"] == straight.report["loss_first"]
    finished = root / "model" / "lora-state"
    with pytest.raises(UsageError, match="made after step 8; the config ends at 8") as caught:
        run(bases("sd1"), root, **values, resume=finished)
    assert "max_train_epochs" in caught.value.hint
    longer = run(bases("sd1"), root, **{**values, "max_train_epochs": 3}, resume=finished)
    assert (longer.report["steps"], len(longer.losses)) == (12, EPOCH)


def test_a_run_killed_in_the_middle_goes_on(bases: Callable[[Family], Path], root: Path) -> None:
    settings = root / "train.toml"
    settings.write_text(
        f"""
        pretrained_model_name_or_path = {json.dumps(str(bases("sd1")))}
        train_data_dir = "img"
        output_dir = "killed"
        resolution = 64
        bucket_reso_steps = 16
        train_batch_size = 2
        max_train_steps = 30
        network_dim = 4
        network_dropout = 0.1
        device = "cpu"
        save_every_n_epochs = 0
        save_every_n_steps = 5
        save_state = true
        """
    )
    process = start("run", str(settings))
    until_step(process, 7)
    process.kill()
    process.communicate()
    states = sorted((root / "killed").glob("*-state"))
    left = state.load(states[-1])
    assert 5 <= left.at.step < 30

    def ended(*overrides: str) -> tuple[list[float], bytes]:
        losses: list[Progress] = []
        config = reading.load(settings, overrides)
        report = finish(train(config, started_at=STARTED), losses.append)
        told = [now.facts["loss"] for now in losses if now.stage == "training"]
        return told, Path(report["lora"]).read_bytes()

    straight, whole = ended("output_dir=straight")
    rest, patched = ended(f"resume={left.folder}", "output_dir=straight")
    assert [*left.at.losses, *rest] == straight
    assert patched == whole


@pytest.mark.parametrize("stopped", [False, True])
def test_the_last_files_stay(bases: Callable[[Family], Path], root: Path, stopped: bool) -> None:
    values = {
        "max_train_epochs": 4,
        "save_last_n_epochs": 2,
        "save_last_n_epochs_state": 1,
        "save_every_n_steps": 3,
        "save_last_n_steps": 4,
        "save_last_n_steps_state": 2,
        "save_state": True,
        "network_dim": 1,
        "text_encoder_lr": 0,
    }
    strange = root / "model" / "other-000001.safetensors"
    strange.parent.mkdir()
    strange.touch()
    if stopped:
        run(bases("sd1"), root, 7, **values)
        values["resume"] = root / "model" / "lora-step00000006-state"
    run(bases("sd1"), root, **values)
    # nobody's turn, but that of the person who stopped it
    own = ["lora-step00000007-state", "lora-step00000007.safetensors"] if stopped else []
    assert sorted(path.name for path in strange.parent.iterdir()) == sorted(
        [
            "lora-000002.safetensors",
            "lora-000003-state",
            "lora-000003.safetensors",
            "lora-state",
            "lora-step00000012.safetensors",
            "lora-step00000015-state",
            "lora-step00000015.safetensors",
            "lora.safetensors",
            "other-000001.safetensors",
            *own,
        ]
    )


def test_a_state_from_elsewhere_leaves_files_of_that_name_alone(
    bases: Callable[[Family], Path], root: Path
) -> None:
    values = {"max_train_epochs": 3, "save_last_n_epochs": 1, "text_encoder_lr": 0}
    run(bases("sd1"), root, EPOCH + 1, **values, save_state=True, output_name="first")
    strange = root / "model" / "lora-000001.safetensors"
    strange.write_text("of another run")
    left = root / "model" / f"first-step{EPOCH + 1:08d}-state"
    run(bases("sd1"), root, **values, resume=left)
    assert strange.read_text() == "of another run"
