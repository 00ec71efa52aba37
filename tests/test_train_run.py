"""Whole runs on a tiny base: losses to four digits, stopping, killing, broken pictures, drawing."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_base
import torch
from PIL import Image

from dataprep.errors import EXIT_FAILED, EXIT_OK, EXIT_STOPPED, DataprepError
from dataprep.files import TEMP_SUFFIX
from dataprep.jobs import Progress, finish
from train import batch, data, lora_file, loss, models
from train.draw import Column, DrawRequest, draw
from train.pictures import views
from train.recipe import train

STARTED = 1_700_000_000.0
GOLDEN = [1.0558, 1.1582, 1.1124, 1.0776, 1.0800, 1.0991, 0.9865, 1.0082, 1.0199, 1.0086]
MEAN = [1.0558, 1.1582, 1.1120, 1.0774, 1.0792, 1.0981, 0.9872, 1.0085, 1.0228, 1.0101]
"""Where a batch that is not full counts as much as a full one."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base.shared(tmp_path_factory)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny_base.paint(tmp_path / "img" / "3_thing")
    return tmp_path


def run(base: Path, root: Path, **values: Any) -> tuple[list[Progress], dict[str, Any]]:
    progress: list[Progress] = []
    config = tiny_base.config(base, root, **values)
    return progress, finish(train(config, started_at=STARTED), progress.append)


def losses(progress: list[Progress]) -> list[float]:
    return [entry.facts["loss"] for entry in progress if entry.stage == "training"]


def test_the_first_ten_losses(base: Path, root: Path) -> None:
    progress, report = run(base, root, unet_lr=1e-2, text_encoder_lr=1e-3)
    assert losses(progress) == pytest.approx(GOLDEN, abs=5e-5)
    assert report["steps"] == 10
    assert report["loss_first"] == pytest.approx(sum(losses(progress)) / 10)


def test_a_batch_that_is_not_full_counts_by_its_pictures(
    base: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = loss.reduce
    monkeypatch.setattr(
        loss, "reduce", lambda losses, weights, full, kohya: ours(losses, weights, full, kohya=True)
    )
    progress, _ = run(base, root, unet_lr=1e-2, text_encoder_lr=1e-3)
    assert losses(progress) == pytest.approx(MEAN, abs=5e-5)


def test_every_phase_speaks_and_the_report_names_every_file(base: Path, root: Path) -> None:
    progress, report = run(base, root, max_train_epochs=3)
    stages = [entry.stage for entry in progress]
    assert list(dict.fromkeys(stages)) == ["loading", "latents", "training"]
    assert [e.done for e in progress if e.stage == "training"] == list(range(1, 31))
    facts = {"loss", "loss_average", "lr", "lr_text_encoder", "it_per_s", "images_per_s", "epoch"}
    assert set(progress[-1].facts) == facts | {"time_left_s", "memory_mb"}
    names = ["lora-000001.safetensors", "lora-000002.safetensors", "lora.safetensors"]
    assert [Path(entry["lora"]).name for entry in report["epochs"]] == names
    assert sorted(path.name for path in (root / "model").iterdir()) == names
    assert report["lora"] == str(root / "model" / "lora.safetensors")
    assert set(report["seconds"]) == {"loading", "latents", "training"}
    assert report["stopped"] is False


def test_equal_runs_give_equal_files_with_a_cache_and_without(base: Path, root: Path) -> None:
    contents = []
    for keep in (True, True, False):
        _, report = run(base, root, cache_latents_to_disk=keep)
        weights, _ = lora_file.load(Path(report["lora"]))
        contents.append(weights)
    for other in contents[1:]:
        assert all(torch.equal(contents[0][key], other[key]) for key in other)


def test_it_learns(base: Path, root: Path) -> None:
    values = {"network_dim": 8, "network_alpha": 8, "unet_lr": 2e-2, "max_train_epochs": 8}
    _, report = run(base, root, **values, text_encoder_lr=2e-3, lr_scheduler="cosine")
    assert report["loss_last"] < 0.97 * report["loss_first"]


@pytest.mark.parametrize(
    ("values", "prefixes", "moving"),
    [
        ({"text_encoder_lr": 0}, {"lora_unet"}, 48),
        ({"unet_lr": 0}, {"lora_te"}, 12),
        (
            {
                "mixed_precision": "bf16",
                "min_snr_gamma": 5,
                "noise_offset": 0.05,
                "flip_aug": True,
                "caption_dropout_rate": 0.3,
                "caption_tag_dropout_rate": 0.1,
                "lr_warmup_steps": 2,
                "clip_skip": 2,
                "bucket_no_upscale": True,
                "save_precision": "bf16",
            },
            {"lora_unet", "lora_te"},
            # clip_skip 2 leaves the last of the two text layers unused
            54,
        ),
    ],
)
def test_settings_reach_the_loop(
    base: Path, root: Path, values: dict[str, Any], prefixes: set[str], moving: int
) -> None:
    progress, report = run(base, root, max_train_epochs=None, max_train_steps=3, **values)
    assert all(math.isfinite(value) for value in losses(progress))
    weights, _ = lora_file.load(Path(report["lora"]))
    assert {"_".join(key.split("_")[:2]) for key in weights} == prefixes
    moved = [key for key, value in weights.items() if "lora_up" in key and value.abs().max() > 0]
    assert len(moved) == moving


def test_a_velocity_model_is_trained_on_velocity(root: Path, tmp_path: Path) -> None:
    folder = tiny_base.build(tmp_path / "v", prediction_type="v_prediction")
    _, report = run(folder, root, max_train_epochs=None, max_train_steps=2, min_snr_gamma=5)
    _, about = lora_file.load(Path(report["lora"]))
    assert about["modelspec.prediction_type"] == "v"


def test_a_pictures_draws_do_not_depend_on_its_place_in_a_batch(base: Path, root: Path) -> None:
    config = tiny_base.config(base, root, flip_aug=True)
    items = data.scan(config).items[:3]
    vae = models.load_vae(models.Source(str(base)), torch.device("cpu"))
    seen, _ = finish(views.prepare(config, vae, items, root))
    uses = [data.Use(item, 0) for item in items]

    def assemble(chosen: list[data.Use]) -> batch.Batch:
        place = batch.Place(epoch=1, step=5, steps=10)
        return batch.assemble(config, chosen, seen, place, scaling_factor=0.18215, timesteps=1000)

    together, turned, alone = assemble(uses), assemble(uses[::-1]), assemble(uses[1:2])
    for field in ("latents", "noise", "input_noise", "timesteps", "sizes", "weights"):
        assert torch.equal(getattr(together, field), getattr(turned, field).flip(0))
        assert torch.equal(getattr(together, field)[1:2], getattr(alone, field))
    assert together.captions == turned.captions[::-1]


def test_a_wish_to_stop_is_heard_before_the_first_step(base: Path, root: Path) -> None:
    config = tiny_base.config(base, root)
    report = finish(train(config, stop=lambda: True))
    assert (report["stopped"], report["steps"], report["lora"]) == (True, 0, None)
    assert list((root / "model").iterdir()) == []


def test_a_broken_picture_is_left_out_with_its_reason(base: Path, root: Path) -> None:
    picture = root / "img" / "3_thing" / "0.png"
    picture.write_bytes(picture.read_bytes()[:150])
    _, report = run(base, root, max_train_epochs=None, max_train_steps=1)
    assert report["images"] == 5
    assert [issue["file"] for issue in report["issues"]] == ["3_thing/0.png"]
    assert report["issues"][0]["fatal"] is True
    _, about = lora_file.load(Path(report["lora"]))
    assert json.loads(about["ss_dataset_dirs"])["3_thing"]["img_count"] == 5


def test_a_loss_that_is_no_number_names_step_and_pictures(
    base: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        loss,
        "per_picture",
        lambda config, prediction, *rest: prediction.flatten(1).mean(1) * math.nan,
    )
    with pytest.raises(DataprepError, match=r"the loss is nan at step 1 \(3_thing/\d\.png, ") as e:
        run(base, root)
    assert "nothing was saved yet" in e.value.hint


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"mixed_precision": "fp16"}, "mixed_precision fp16 needs a GPU"),
        ({"pretrained_model_name_or_path": "nowhere"}, "nowhere: no such model"),
        ({"pretrained_model_name_or_path": "{root}"}, "unet/config.json is missing"),
        ({"pretrained_model_name_or_path": "{root}/a.safetensors"}, "not a safetensors file"),
    ],
)
def test_what_cannot_be_is_said(
    base: Path, root: Path, values: dict[str, Any], sentence: str
) -> None:
    (root / "a.safetensors").touch()
    filled = {key: value.format(root=root) for key, value in values.items()}
    with pytest.raises(DataprepError) as caught:
        run(base, root, **filled)
    assert sentence in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_missing_is_no_silent_cpu() -> None:
    with pytest.raises(DataprepError, match="torch sees no GPU"):
        models.pick_device("cuda")
    assert models.pick_device("auto").type == "cpu"


def test_drawing_shows_what_the_lora_changed(base: Path, root: Path) -> None:
    _, report = run(base, root, unet_lr=5e-2, max_train_epochs=2)
    lora = Path(report["lora"])
    request = DrawRequest(
        model=str(base),
        loras=(
            Column(name="base"),
            Column(name="off", path=lora, weight=0),
            Column(name="on", path=lora),
        ),
        prompts=("zumi", "red circle"),
        seeds=(1, 2),
        width=64,
        height=48,
        steps=3,
        out_dir=root / "out",
    )
    images = finish(draw(request))["images"]
    assert [(i["lora"], i["prompt"], i["seed"]) for i in images[:3]] == [
        ("base", "zumi", 1),
        ("base", "zumi", 2),
        ("base", "red circle", 1),
    ]
    assert len(images) == 12
    assert [Path(i["path"]).name for i in images[:3]] == ["0_0_1.png", "0_0_2.png", "0_1_1.png"]
    with Image.open(images[0]["path"]) as image:
        assert image.size == (64, 48)
        assert image.info["parameters"].startswith("zumi\n")
    for plain, off, on in zip(images[:4], images[4:8], images[8:], strict=True):
        content = [Path(image["path"]).read_bytes() for image in (plain, off, on)]
        assert content[0] == content[1] != content[2]


def test_a_missing_lora_is_found_out_before_the_first_picture(base: Path, tmp_path: Path) -> None:
    request = DrawRequest(
        model=str(base),
        loras=(Column(name="base"), Column(name="a", path=tmp_path / "a.safetensors")),
        prompts=("zumi",),
        width=64,
        height=64,
        steps=1,
        out_dir=tmp_path / "out",
    )
    with pytest.raises(DataprepError, match="no such LoRA file"):
        finish(draw(request))
    assert list((tmp_path / "out").iterdir()) == []


# In a process of its own, as the screens start it


def write_config(base: Path, root: Path, epochs: int) -> Path:
    path = root / "train.toml"
    path.write_text(
        f"""
        pretrained_model_name_or_path = {json.dumps(str(base))}
        train_data_dir = "img"
        output_dir = "model"
        resolution = 64
        bucket_reso_steps = 16
        train_batch_size = 2
        max_train_epochs = {epochs}
        network_dim = 4
        """
    )
    return path


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "train", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def events(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)


def until_step(process: subprocess.Popen[str], step: int) -> None:
    for event in events(process):
        if event.get("stage") == "training" and event["done"] >= step:
            return
    raise AssertionError(process.stderr and process.stderr.read())


def test_ctrl_c_saves_what_is_learned(base: Path, root: Path) -> None:
    process = start("run", str(write_config(base, root, 1000)))
    until_step(process, 12)
    process.send_signal(signal.SIGINT)
    *_, result = events(process)
    assert process.wait(20) == EXIT_STOPPED
    assert (result["event"], result["stopped"]) == ("result", True)
    assert result["steps"] >= 12
    saved = root / "model" / f"lora-step{result['steps']:08d}.safetensors"
    assert result["lora"] == str(saved)
    weights, about = lora_file.load(saved)
    assert len(weights) == 3 * 60
    assert about["ss_steps"] == str(result["steps"])
    assert not list((root / "model").glob(f"*{TEMP_SUFFIX}"))


def test_after_a_kill_the_next_run_completes(base: Path, root: Path) -> None:
    config = write_config(base, root, 1000)
    process = start("run", str(config))
    until_step(process, 25)
    process.kill()
    process.wait()
    for path in (root / "model").glob("*.safetensors"):
        lora_file.load(path)
    (root / "model" / f"lora.safetensors.1{TEMP_SUFFIX}").write_bytes(b"half")
    _, report = run(base, root)
    assert report["steps"] == 10
    assert not list((root / "model").glob(f"*{TEMP_SUFFIX}"))
    lora_file.load(Path(report["lora"]))


def test_a_reader_that_is_gone_stops_the_run(base: Path, root: Path) -> None:
    process = start("run", str(write_config(base, root, 1000)))
    until_step(process, 1)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(30) == EXIT_STOPPED
    assert list((root / "model").glob("lora-step*.safetensors"))


def test_a_second_ctrl_c_ends_at_once(base: Path, root: Path) -> None:
    process = start("run", str(write_config(base, root, 1000)))
    next(events(process))
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert process.wait(5) == EXIT_STOPPED
    assert not list(root.glob("model/*.safetensors"))


def test_errors_and_plans_are_events_too(base: Path, root: Path) -> None:
    config = write_config(base, root, 4)
    process = start("run", str(config), "--dry-run", "--set", "max_train_epochs=2")
    *_, result = events(process)
    assert (process.wait(), result["steps"], result["epochs"]) == (EXIT_OK, 20, 2)
    process = start("run", str(config), "--set", "seeed=1")
    (error,) = events(process)
    assert process.wait() == 2
    assert error["event"] == "error"
    assert error["hint"] == "did you mean 'seed'?"
    (root / "img" / "3_thing" / "x.png").write_bytes(b"")
    process = start("run", str(config), "--dry-run")
    *_, result = events(process)
    assert process.wait() == EXIT_FAILED
    assert result["issues"][0]["file"] == "3_thing/x.png"
