"""What the file says about itself, equal bytes for equal runs, never half written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tiny_base
import torch
from safetensors.torch import load_file
from torch import nn

from dataprep.errors import DataprepError
from train import data, lora_file, plan
from train.config import Concept, TrainConfig
from train.families import Family
from train.models.base import Base

WEIGHTS = {
    "lora_unet_a.lora_down.weight": torch.full((4, 8), 0.5),
    "lora_unet_a.lora_up.weight": torch.zeros(8, 4),
    "lora_unet_a.alpha": torch.tensor(2.0),
}


def base_of(family: Family = "sd1", **values: Any) -> Base:
    return Base(family, nn.Identity(), (), torch.ones(1), **values)


def about_run(tmp_path: Path, base: Base | None = None, **values: Any) -> dict[str, str]:
    """What a run over six pictures would say."""
    if not (tmp_path / "img").exists():
        tiny_base.paint(tmp_path / "img" / "3_thing")
    config = tiny_base.config(tmp_path / "base", tmp_path, **values)
    dataset = data.scan(config)
    return lora_file.metadata(
        config,
        base or base_of(),
        dataset.items,
        plan.of(config, dataset),
        epoch=1,
        step=10,
        started_at=1_700_000_000.0,
    )


@pytest.fixture
def about(tmp_path: Path) -> dict[str, str]:
    concept = Concept(trigger_word="zumi", pruned_tags=("green hair",))
    return about_run(tmp_path, concept=concept, clip_skip=2)


def holds(about: Mapping[str, str], **expected: str) -> None:
    """Compare the ``ss_`` entries named."""
    assert {key: about.get(f"ss_{key}") for key in expected} == expected


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
    buckets = json.loads(about["ss_bucket_info"])
    assert buckets["buckets"] == {
        "0": {"resolution": [64, 64], "count": 9},
        "1": {"resolution": [80, 48], "count": 9},
    }
    # half of the uses are 96×64 pictures in 80×48
    assert buckets["mean_img_ar_error"] == pytest.approx(abs(80 / 48 - 96 / 64) / 2)
    assert all(isinstance(value, str) for value in about.values())


@pytest.mark.parametrize(
    ("base", "version", "v2", "architecture", "prediction"),
    [
        (base_of("sd1"), "sd_v1", "False", "stable-diffusion-v1", "epsilon"),
        (
            base_of("sd1", prediction_type="v_prediction"),
            "sd_v1_v",
            "False",
            "stable-diffusion-v1",
            "v",
        ),
        (base_of("sd2"), "sd_v2", "True", "stable-diffusion-v2-512", "epsilon"),
        (
            base_of("sd2", prediction_type="v_prediction", is_768=True),
            "sd_v2_v",
            "True",
            "stable-diffusion-v2-768-v",
            "v",
        ),
        (base_of("sdxl"), "sdxl_base_v1-0", "False", "stable-diffusion-xl-v1-base", "epsilon"),
    ],
)
def test_each_family_is_told_as_kohya_tells_it(
    tmp_path: Path, base: Base, version: str, v2: str, architecture: str, prediction: str
) -> None:
    about = about_run(tmp_path, base)
    holds(about, base_model_version=version, v2=v2)
    assert about["modelspec.architecture"] == f"{architecture}/lora"
    assert about["modelspec.prediction_type"] == prediction
    made_for = "https://github.com/Stability-AI/generative-models"
    sdxl = base.family == "sdxl"
    assert about["modelspec.implementation"] == (made_for if sdxl else "diffusers")
    # SDXL takes its own layers of the text encoders
    assert (about["ss_clip_skip"] == "None") is sdxl
    assert ("modelspec.encoder_layer" in about) is not sdxl


@pytest.mark.parametrize(
    ("values", "module", "args"),
    [
        ({}, "networks.lora", None),
        ({"conv_dim": 2}, "networks.lora", {"conv_dim": "2", "conv_alpha": "1.0"}),
        ({"network_type": "locon"}, "networks.lora", {"conv_dim": "4", "conv_alpha": "2.0"}),
        (
            {"network_type": "locon", "compat": "kohya"},
            "networks.lora",
            {"conv_dim": "4", "conv_alpha": "1.0"},
        ),
        ({"network_type": "dylora", "unit": 2}, "networks.dylora", {"unit": "2"}),
        ({"network_type": "loha"}, "lycoris.kohya", {"algo": "loha", "conv_dim": "0"}),
        (
            {"dora_wd": True, "conv_dim": 4, "conv_alpha": 1},
            "lycoris.kohya",
            {"algo": "lora", "conv_dim": "4", "conv_alpha": "1.0", "dora_wd": "True"},
        ),
        (
            {"block_dims": (4,) * 25, "up_lr_weight": "sine+0.25", "loraplus_lr_ratio": 16},
            "networks.lora",
            {
                "block_dims": ",".join(["4"] * 25),
                "up_lr_weight": "sine+0.25",
                "loraplus_lr_ratio": "16.0",
            },
        ),
    ],
)
def test_the_network_is_told_in_the_arguments_of_its_module(
    tmp_path: Path, values: dict[str, Any], module: str, args: dict[str, str] | None
) -> None:
    about = about_run(tmp_path, **values)
    holds(about, network_module=module)
    told = about["ss_network_args"]
    assert (None if told == "None" else json.loads(told)) == args


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "AdamW(weight_decay=0.01)"),
        ({"compat": "kohya"}, "AdamW()"),
        ({"compat": "kohya", "weight_decay": 0.1}, "AdamW(weight_decay=0.1)"),
        ({"optimizer_args": ["eps=1e-6"]}, "AdamW(weight_decay=0.01,eps=1e-6)"),
    ],
)
def test_a_weight_decay_that_was_left_to_the_optimizer_is_not_told(
    tmp_path: Path, values: dict[str, Any], told: str
) -> None:
    holds(about_run(tmp_path, **values), optimizer=told)


def test_every_option_is_told_under_kohyas_name(tmp_path: Path) -> None:
    about = about_run(
        tmp_path,
        base_of(zero_terminal_snr=True, hashes={"ss_sd_model_hash": "0123abcd"}),
        min_snr_gamma=5,
        noise_offset=0.1,
        multires_noise_iterations=6,
        adaptive_noise_scale=0.01,
        loss_type="huber",
        scale_weight_norms=1,
        debiased_estimation_loss=True,
        gradient_accumulation_steps=3,
        text_encoder2_lr=1e-5,
        optimizer_args=("betas=0.9,0.99",),
        training_comment="a try",
        max_token_length=150,
        flip_aug=True,
        vae="other.safetensors",
    )
    holds(
        about,
        min_snr_gamma="5.0",
        noise_offset="0.1",
        multires_noise_iterations="6",
        multires_noise_discount="0.3",
        adaptive_noise_scale="0.01",
        ip_noise_gamma="None",
        zero_terminal_snr="True",
        loss_type="huber",
        huber_schedule="snr",
        huber_c="0.1",
        scale_weight_norms="1.0",
        debiased_estimation="True",
        gradient_accumulation_steps="3",
        gradient_checkpointing="False",
        total_batch_size="6",
        num_batches_per_epoch="10",
        num_train_images="18",
        num_reg_images="0",
        optimizer="AdamW(weight_decay=0.01,betas=0.9,0.99)",
        text_encoder_lr="5e-05",
        training_comment="a try",
        max_token_length="150",
        keep_tokens="1",
        flip_aug="True",
        resolution="(64, 64)",
        enable_bucket="True",
        max_bucket_reso="1024",
        prior_loss_weight="1.0",
        sd_model_hash="0123abcd",
        vae_name="other.safetensors",
        reg_dataset_dirs="{}",
    )


def test_two_text_encoders_may_learn_at_two_rates(tmp_path: Path) -> None:
    about = about_run(tmp_path, base_of("sdxl"), text_encoder_lr=1e-4, text_encoder2_lr=0)
    holds(about, text_encoder_lr="[0.0001, 0.0]")


def test_regularization_images_are_told_apart(tmp_path: Path) -> None:
    tiny_base.paint(tmp_path / "reg" / "1_blob", count=3)
    about = about_run(tmp_path, reg_data_dir=tmp_path / "reg")
    assert list(json.loads(about["ss_dataset_dirs"])) == ["3_thing"]
    assert list(json.loads(about["ss_tag_frequency"])) == ["3_thing"]
    (reg,) = json.loads(about["ss_reg_dataset_dirs"]).values()
    assert reg == {"n_repeats": 1, "img_count": 3}
    # as many uses as the pictures have
    holds(about, num_train_images="18", num_reg_images="18")


def test_what_a_person_says_of_the_lora_is_in_the_modelspec(tmp_path: Path) -> None:
    about = about_run(
        tmp_path,
        metadata_title="Zumi",
        metadata_author="me",
        metadata_description="a blob",
        metadata_license="CC0",
        metadata_tags=("blob", "red"),
        metadata_usage_hint="say zumi",
        min_timestep=100,
        max_timestep=900,
    )
    expected = {
        "title": "Zumi",
        "author": "me",
        "description": "a blob",
        "license": "CC0",
        "tags": "blob, red",
        "usage_hint": "say zumi",
        "timestep_range": "100,900",
        "encoder_layer": "1",
    }
    assert {key: about[f"modelspec.{key}"] for key in expected} == expected
    assert "modelspec.trigger_phrase" not in about


def test_without_metadata_programs_still_know_the_base(tmp_path: Path) -> None:
    about = about_run(tmp_path, base_of("sdxl"), no_metadata=True)
    assert about == {
        "ss_v2": "False",
        "ss_base_model_version": "sdxl_base_v1-0",
        "ss_network_module": "networks.lora",
        "ss_network_dim": "4",
        "ss_network_alpha": "2.0",
        "ss_network_args": "None",
    }


def as_a1111_reads(path: Path) -> dict[str, Any]:
    """Metadata as A1111's ``read_metadata_from_safetensors`` gives it to its LoRA page."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    found = json.loads(raw[8 : 8 + length])["__metadata__"]
    return {key: json.loads(text) if text[0] == "{" else text for key, text in found.items()}


def test_a1111_finds_alias_version_tags_and_folders(about: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    lora_file.write(path, WEIGHTS, about, "fp16")
    read = as_a1111_reads(path)
    assert read["ss_output_name"] == "lora"
    assert not read["ss_base_model_version"].startswith("sdxl_")
    assert read["ss_v2"] != "True"
    assert read["ss_tag_frequency"]["3_thing"]["zumi"] == 6
    assert read["ss_dataset_dirs"]["3_thing"]["img_count"] == 6
    assert read["ss_bucket_info"]["buckets"]["0"]["resolution"] == [64, 64]
    assert len(read["sshs_model_hash"]) == 64


def test_the_file_carries_its_config_but_no_home_folder(
    about: dict[str, str], tmp_path: Path
) -> None:
    config = TrainConfig.model_validate_json(about[lora_file.CONFIG_KEY])
    assert config.concept.pruned_tags == ("green hair",)
    assert config.train_data_dir == Path("img")
    assert not any(str(tmp_path) in value for value in about.values())


def test_no_path_of_any_setting_is_told_whole(tmp_path: Path) -> None:
    tiny_base.paint(tmp_path / "some" / "faces")
    subset = {"image_dir": tmp_path / "some" / "faces", "conditioning_data_dir": tmp_path / "m"}
    files = ("network_weights", "resume", "tokenizer", "model_config_dir", "reg_data_dir")
    tiny_base.paint(tmp_path / "reg_data_dir" / "1_blob", count=1)
    about = about_run(
        tmp_path,
        subsets=(subset,),
        vae=str(tmp_path / "vae.safetensors"),
        base_weights=(str(tmp_path / "other.safetensors"),),
        logging_dir=tmp_path / "log",
        **{key: tmp_path / key for key in files},
    )
    assert not any(str(tmp_path) in value for value in about.values())
    config = TrainConfig.model_validate_json(about[lora_file.CONFIG_KEY])
    assert config.subsets[0].image_dir == Path("faces")
    assert config.base_weights == ("other.safetensors",)


def test_a_name_on_the_hub_is_told_whole(tmp_path: Path) -> None:
    about = about_run(tmp_path, pretrained_model_name_or_path="someone/some-model")
    holds(about, sd_model_name="someone/some-model")


def test_equal_weights_give_equal_bytes_in_half_precision(
    about: dict[str, str], tmp_path: Path
) -> None:
    for name in ("a", "b"):
        lora_file.write(tmp_path / f"{name}.safetensors", WEIGHTS, about, "fp16")
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
    lora_file.write(tmp_path / "a.safetensors", WEIGHTS, {"ss_output_name": "a"}, "fp16")
    lora_file.write(tmp_path / "b.safetensors", WEIGHTS, {"ss_output_name": "bb"}, "fp16")
    hashes = {
        lora_file.load(tmp_path / f"{name}.safetensors")[1]["sshs_model_hash"] for name in "ab"
    }
    assert len(hashes) == 1


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.safetensors"
    lora_file.write(path, WEIGHTS, {}, "fp16")
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("dataprep.files.sync", full)
    with pytest.raises(OSError, match="No space"):
        lora_file.write(path, {**WEIGHTS, "lora_unet_a.alpha": torch.tensor(1.0)}, {}, "fp16")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"{}")
    for name, words in (("a", "not a safetensors file"), ("b", "no such LoRA file")):
        with pytest.raises(DataprepError, match=words):
            lora_file.load(tmp_path / f"{name}.safetensors")
