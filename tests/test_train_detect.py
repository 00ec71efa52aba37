"""What a base model is, how that is known, and what is refused or broken, by name."""

from __future__ import annotations

import json
import logging
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from dataprep.errors import DataprepError, UsageError
from tests import tiny_single
from tests.tiny_single import Files, Folders
from train import models
from train.families import FAMILIES, Family
from train.models import Source

CPU = torch.device("cpu")
UNET, NOTHING = "model.diffusion_model.", torch.zeros(0)
FIRST = f"{UNET}input_blocks.0.0.weight"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return tiny_single.folders(tmp_path_factory)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return tiny_single.files(tmp_path_factory)


@pytest.fixture(autouse=True)
def _nothing_else_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("DATAPREP_MODELS", str(tmp_path / "models"))


def header_only(path: Path, *names: str, **shapes: tuple[int, ...]) -> Path:
    """A file of empty tensors, but for the first layer's shape."""
    states = {name: torch.zeros(shapes.get("first", (1, 4, 1, 1))) for name in names}
    save_file(states, path)
    return path


V, SNR = {"v_pred": NOTHING}, {"ztsnr": NOTHING}
SPEC = "modelspec.prediction_type"
SD2 = "modelspec.architecture"


@pytest.mark.parametrize(
    ("family", "file", "said", "expected"),
    [
        ("sd1", {}, {}, "Stable Diffusion 1, noise prediction (nothing else is said)"),
        ("sd1", {"metadata": {SPEC: "v"}}, {}, f"Stable Diffusion 1, v-prediction ({SPEC})"),
        ("sdxl", {"more": V}, {}, "Stable Diffusion XL, v-prediction (key v_pred)"),
        (
            "sdxl",
            {"more": V | SNR},
            {},
            "Stable Diffusion XL, v-prediction (key v_pred), zero terminal SNR (key ztsnr)",
        ),
        (
            "sdxl",
            {"more": V | SNR},
            {"v_parameterization": False, "zero_terminal_snr": False},
            "Stable Diffusion XL, noise prediction (v_parameterization)",
        ),
        (
            "sdxl",
            {},
            {"v_parameterization": True, "zero_terminal_snr": True},
            "Stable Diffusion XL, v-prediction (v_parameterization), "
            "zero terminal SNR (zero_terminal_snr)",
        ),
        (
            "sd2",
            {"metadata": {SD2: "stable-diffusion-v2-768-v"}},
            {"v2": True},
            f"Stable Diffusion 2, v-prediction ({SD2})",
        ),
        (
            "sd2",
            {"metadata": {SD2: "stable-diffusion-v2-512"}},
            {},
            f"Stable Diffusion 2, noise prediction ({SD2})",
        ),
        (
            "sd2",
            {"global_step": 875000},
            {},
            "Stable Diffusion 2, noise prediction (global_step 875000)",
        ),
        (
            "sd2",
            {"global_step": 110000},
            {},
            "Stable Diffusion 2, v-prediction (global_step 110000)",
        ),
        (
            "sd2",
            {},
            {"v_parameterization": False},
            "Stable Diffusion 2, noise prediction (v_parameterization)",
        ),
    ],
)
def test_what_a_file_is_and_how_that_is_known(
    family: Family,
    file: dict[str, Any],
    said: dict[str, Any],
    expected: str,
    folders: Folders,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    end = "ckpt" if "global_step" in file else "safetensors"
    path = tiny_single.write(folders[family], tmp_path / f"a.{end}", family, **file)
    with caplog.at_level(logging.INFO, "train"):
        about = models.detect(Source(str(path), **said))
    assert str(about) == expected
    assert caplog.messages == [f"a.{end}: {expected}"]
    assert about.prediction_type == ("v_prediction" if "v-prediction" in expected else "epsilon")
    assert about.zero_terminal_snr == ("zero terminal" in expected)
    assert about.is_768 == (family == "sd2" and "v-prediction" in expected)


def test_a_second_generation_file_that_does_not_say_is_not_guessed(
    files: Files, folders: Folders
) -> None:
    path = str(files["sd2", "safetensors"])
    with pytest.raises(UsageError, match="what this Stable Diffusion 2 predicts") as error:
        models.detect(Source(path))
    assert "v_parameterization" in error.value.hint
    assert models.detect(Source(path, config_dir=folders["sd2"])).prediction_type == "v_prediction"


@pytest.mark.parametrize(("family", "v2"), [("sdxl", True), ("sd1", True), ("sd2", False)])
def test_v2_that_contradicts_the_file_is_an_error(
    family: Family, v2: bool, files: Files, folders: Folders
) -> None:
    for name in (files[family, "safetensors"], folders[family]):
        with pytest.raises(UsageError, match=rf"v2 = {str(v2).lower()}, but .* is Stable"):
            models.detect(Source(str(name), v2=v2))


@pytest.mark.parametrize("family", list(FAMILIES))
def test_a_folder_says_what_it_is(family: Family, folders: Folders, tmp_path: Path) -> None:
    folder = shutil.copytree(folders[family], tmp_path / "base")
    scheduler = folder / "scheduler" / "scheduler_config.json"
    said = json.loads(scheduler.read_text())
    said |= {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True}
    scheduler.write_text(json.dumps(said))
    base = models.load(Source(str(folder)), CPU)
    assert (base.family, base.prediction_type) == (family, "v_prediction")
    assert base.zero_terminal_snr
    assert base.is_768 == (family == "sd2")
    assert base.alphas_cumprod[-1] == 0 < base.alphas_cumprod[-2]
    scheduler.write_text(json.dumps(said | {"prediction_type": "sample"}))
    with pytest.raises(UsageError, match='prediction_type "sample" cannot be trained'):
        models.detect(Source(str(folder)))
    with pytest.raises(UsageError, match="model_config_dir is for a base in one file"):
        models.detect(Source(str(folder), config_dir=folder))


TEXT = "cond_stage_model.transformer.text_model.final_layer_norm.weight"


@pytest.mark.parametrize(
    ("names", "channels", "said"),
    [
        (["lora_unet_mid_block.lora_down.weight"], 4, "a LoRA, not a base model"),
        (["unet.mid.lora_A.weight"], 4, "a LoRA, not a base model"),
        (["lora_unet_mid_block.hada_w1_a"], 4, "a LoRA, not a base model"),
        ([f"{UNET}joint_blocks.0.x.weight"], 4, "Stable Diffusion 3, not"),
        (["double_blocks.0.img_attn.proj.weight"], 4, "Flux, not"),
        ([FIRST, "conditioner.embedders.0.model.ln_final.bias"], 4, "the refiner of SDXL"),
        ([FIRST, "edm_mean"], 4, "a model with EDM's noise"),
        (["control_model.time_embed.0.weight"], 4, "a ControlNet"),
        (["emb_params"], 4, "a textual inversion"),
        (["first_stage_model.encoder.conv_in.weight"], 4, "a VAE alone"),
        (["decoder.conv_in.weight"], 4, "a VAE alone"),
        (["down_blocks.0.resnets.0.conv1.weight"], 4, "one part of a diffusers folder"),
        (["text_model.encoder.layers.0.mlp.fc1.bias"], 4, "a text encoder alone"),
        (["whatever"], 4, "of no known kind"),
        ([FIRST, TEXT], 9, "an inpainting model"),
        ([FIRST, TEXT], 8, "an InstructPix2Pix model"),
        ([FIRST, TEXT], 5, "a depth-to-image model"),
        ([FIRST, TEXT], 16, "a model with 16 input channels"),
        ([FIRST], 4, "a UNet without text encoder"),
    ],
)
def test_what_is_no_base_is_refused_by_name(
    names: list[str], channels: int, said: str, tmp_path: Path
) -> None:
    path = header_only(tmp_path / "a.safetensors", *names, first=(1, channels, 1, 1))
    with pytest.raises(DataprepError, match=f"a.safetensors: {said}") as error:
        models.detect(Source(str(path)))
    assert error.value.hint


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"in_channels": 9}, "an inpainting model"),
        ({"addition_embed_type": "text_time", "cross_attention_dim": 1280}, "the refiner of SDXL"),
        ({"class_embed_type": "projection"}, "asked with more than a caption"),
    ],
)
def test_folders_that_are_no_base_are_refused(
    change: dict[str, Any], said: str, folders: Folders, tmp_path: Path
) -> None:
    folder = shutil.copytree(folders["sd1"], tmp_path / "base")
    config = folder / "unet" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    with pytest.raises(DataprepError, match=said):
        models.load(Source(str(folder)), CPU)


def test_names_and_folders_that_are_nothing(tmp_path: Path) -> None:
    (tmp_path / "sd3" / "transformer").mkdir(parents=True)
    (tmp_path / "sd3" / "transformer" / "config.json").write_text("{}")
    for name, said in {
        str(tmp_path): "unet/config.json is missing",
        str(tmp_path / "sd3"): r"a model with a transformer \(SD3, Flux\)",
        str(tmp_path / "gone"): "no such model",
        "models/gone.safetensors": "no such file",
        "nobody/nothing": "could not be had from the Hub",
    }.items():
        with pytest.raises(DataprepError, match=said):
            models.load(Source(name), CPU)


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("ran",)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.safetensors", b"", "not a safetensors file, or damaged"),
        ("a.safetensors", b"\x07\xff" * 400, "not a safetensors file, or damaged"),
        ("a.safetensors", b"\x20" + bytes(7) + b"x" * 400, "not a safetensors file, or damaged"),
        ("a.safetensors", b"\n<!doctype html><html>" * 9, "a web page, not a safetensors file"),
        ("a.safetensors", b"version https://git-lfs.github.com/spec/v1", "a pointer of Git LFS"),
        ("a.safetensors", b"PK\x03\x04" + bytes(90), "a torch or zip archive, not"),
        ("a.ckpt", b"", "not a torch archive"),
        ("a.ckpt", b"<html>" * 9, "a web page, cannot be read"),
        ("a.ckpt", b"PK\x03\x04" + bytes(90), "cut short or damaged"),
        ("a.txt", b"hello", "read from .safetensors and .ckpt, not from .txt"),
    ],
)
def test_a_file_that_is_no_model_is_one_sentence(
    name: str, content: bytes, said: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataprepError, match=said) as error:
        models.load(Source(str(tmp_path / name)), CPU)
    assert "\n" not in error.value.message
    assert error.value.hint


@pytest.mark.parametrize("end", ["safetensors", "ckpt"])
def test_a_file_that_is_cut_short_says_so(end: str, files: Files, tmp_path: Path) -> None:
    whole = files["sd1", end].read_bytes()
    (tmp_path / f"a.{end}").write_bytes(whole[:-1000])
    with pytest.raises(DataprepError, match="cut short"):
        models.load(Source(str(tmp_path / f"a.{end}")), CPU)


def test_a_pickle_that_would_run_code_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"state_dict": {"a": torch.ones(1)}, "more": Evil()}, tmp_path / "a.ckpt")
    with pytest.raises(DataprepError, match=r"holds more than weights .* not opened") as error:
        models.load(Source(str(tmp_path / "a.ckpt")), CPU)
    assert ".safetensors" in error.value.hint
    (tmp_path / "b.ckpt").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(DataprepError, match="not a torch archive"):
        models.load(Source(str(tmp_path / "b.ckpt")), CPU)
    torch.save(torch.ones(3), tmp_path / "c.ckpt")
    with pytest.raises(DataprepError, match="no weights by name"):
        models.load(Source(str(tmp_path / "c.ckpt")), CPU)
    assert "ran" not in capsys.readouterr().out
