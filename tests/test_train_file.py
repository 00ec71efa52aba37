"""The file: what it says about itself, equal bytes for equal runs, never half written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny_base
import torch
from safetensors.torch import load_file

from dataprep.errors import DataprepError
from train import data, lora_file, plan
from train.config import Concept, TrainConfig

WEIGHTS = {
    "lora_unet_a.lora_down.weight": torch.full((4, 8), 0.5),
    "lora_unet_a.lora_up.weight": torch.zeros(8, 4),
    "lora_unet_a.alpha": torch.tensor(2.0),
}


@pytest.fixture
def about(tmp_path: Path) -> dict[str, str]:
    tiny_base.paint(tmp_path / "img" / "3_thing")
    concept = Concept(trigger_word="zumi", pruned_tags=("green hair",))
    config = tiny_base.config(tmp_path / "base", tmp_path, concept=concept, clip_skip=2)
    dataset = data.scan(config)
    return lora_file.metadata(
        config, dataset, plan.of(config, dataset), epoch=1, step=10, started_at=1_700_000_000.0
    )


def test_the_metadata_other_programs_read(about: dict[str, str]) -> None:
    expected = {
        "ss_base_model_version": "sd_v1",
        "ss_v2": "False",
        "ss_network_module": "networks.lora",
        "ss_network_dim": "4",
        "ss_network_alpha": "2.0",
        "ss_network_args": "None",
        "ss_output_name": "lora",
        "ss_sd_model_name": "base",
        "ss_clip_skip": "2",
        "ss_training_started_at": "1700000000.0",
        "ss_epoch": "1",
        "ss_steps": "10",
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": "stable-diffusion-v1/lora",
        "modelspec.resolution": "64x64",
        "modelspec.date": "2023-11-14T22:13:20",
        "modelspec.prediction_type": "epsilon",
        "modelspec.trigger_phrase": "zumi",
    }
    assert {key: about[key] for key in expected} == expected
    assert json.loads(about["ss_tag_frequency"]) == {
        "3_thing": {"background": 6, "circle": 6, "zumi": 6, "blue": 2, "green": 2, "red": 2}
    }
    assert json.loads(about["ss_dataset_dirs"]) == {"3_thing": {"n_repeats": 3, "img_count": 6}}
    assert json.loads(about["ss_bucket_info"])["buckets"] == {
        "0": {"resolution": [64, 64], "count": 9},
        "1": {"resolution": [80, 48], "count": 9},
    }
    assert all(isinstance(value, str) for value in about.values())


def test_the_file_carries_its_config_but_no_home_folder(
    about: dict[str, str], tmp_path: Path
) -> None:
    config = TrainConfig.model_validate_json(about[lora_file.CONFIG_KEY])
    assert config.concept.pruned_tags == ("green hair",)
    assert config.train_data_dir == Path("img")
    assert not any(str(tmp_path) in value for value in about.values())


def test_equal_weights_give_equal_bytes_in_half_precision(
    about: dict[str, str], tmp_path: Path
) -> None:
    for name in ("a", "b"):
        lora_file.save(tmp_path / f"{name}.safetensors", WEIGHTS, about, "fp16")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    stored = load_file(tmp_path / "a.safetensors")
    assert {key: value.dtype for key, value in stored.items()} == dict.fromkeys(
        WEIGHTS, torch.float16
    )
    weights, read = lora_file.load(tmp_path / "a.safetensors")
    assert torch.equal(weights["lora_unet_a.lora_down.weight"], torch.full((4, 8), 0.5).half())
    assert {key: read[key] for key in about} == about
    assert len(read["sshs_model_hash"]) == 64
    assert len(read["sshs_legacy_hash"]) == 8


def test_the_hash_is_of_the_weights_not_of_what_is_said_about_them(tmp_path: Path) -> None:
    lora_file.save(tmp_path / "a.safetensors", WEIGHTS, {"ss_output_name": "a"}, "fp16")
    lora_file.save(tmp_path / "b.safetensors", WEIGHTS, {"ss_output_name": "bb"}, "fp16")
    hashes = {
        lora_file.load(tmp_path / f"{name}.safetensors")[1]["sshs_model_hash"] for name in "ab"
    }
    assert len(hashes) == 1


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.safetensors"
    lora_file.save(path, WEIGHTS, {}, "fp16")
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("dataprep.files.sync", full)
    with pytest.raises(OSError, match="No space"):
        lora_file.save(path, {**WEIGHTS, "lora_unet_a.alpha": torch.tensor(1.0)}, {}, "fp16")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"{}")
    for name, words in (("a", "not a safetensors file"), ("b", "no such LoRA file")):
        with pytest.raises(DataprepError, match=words):
            lora_file.load(tmp_path / f"{name}.safetensors")
