"""The memory of a run, before it is run: counted from file headers, as the network counts."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import tiny_base
import tiny_single
import torch
from diffusers import UNet2DConditionModel

from train import estimate, laying, models
from train.families import Family
from train.shapes import depths, parts, shapes

FULL: dict[tuple[Family, int], tuple[float, float]] = {
    ("sd1", 512): (0.872, 0.146),
    ("sd2", 768): (1.946, 0.329),
    ("sdxl", 1024): (6.347, 0.550),
}
"""GiB kept for one picture in 16 bits, without and with gradient checkpointing: saved tensors of a
forward pass on meta tensors, LoRA of rank 16 on the attention, attention itself not materialised.
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base.shared(tmp_path_factory)


def counted(base: Path, root: Path, **values: Any) -> tuple[int, int]:
    """Parameters by the headers, and those of the network itself."""
    config = tiny_base.config(base, root, **values)
    found = parts(str(base))
    assert found is not None
    loaded = models.load(models.source_of(config), torch.device("cpu"), torch.float32)
    network, _ = laying.lay(config, loaded)
    real = sum(parameter.numel() for parameter in network.parameters())
    return estimate.lora_parameters(config, found.unet, *found.texts), real


@pytest.mark.parametrize(
    "values",
    [
        {"unet_lr": 1e-4, "text_encoder_lr": 5e-5},
        {"unet_lr": 1e-4, "text_encoder_lr": 0},
        {"unet_lr": 0, "text_encoder_lr": 5e-5},
        {"conv_dim": 2},
        {"network_type": "locon"},
        {"network_type": "loha", "conv_dim": 3},
        {"network_type": "dylora"},
    ],
)
def test_the_parameters_of_a_network_are_counted_right(
    base: Path, tmp_path: Path, values: dict[str, Any]
) -> None:
    by_headers, real = counted(base, tmp_path, **values)
    assert by_headers == real > 0


@pytest.mark.parametrize("rates", [{}, {"text_encoder2_lr": 0}, {"text_encoder_lr": 0}])
def test_sdxl_has_two_text_encoders_with_rates_of_their_own(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, rates: dict[str, float]
) -> None:
    base = tiny_base.shared(tmp_path_factory, "sdxl")
    by_headers, real = counted(base, tmp_path, conv_dim=2, **rates)
    assert by_headers == real > 0


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
def test_a_single_file_is_counted_as_its_folder(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, family: Family
) -> None:
    folder = tiny_base.shared(tmp_path_factory, family)
    file = tiny_single.write(folder, tmp_path / "base.safetensors", family)
    config = tiny_base.config(folder, tmp_path, conv_dim=2)
    ways = [parts(str(folder)), parts(str(file))]
    numbers = []
    for found in ways:
        assert found is not None
        kept = [
            estimate.kept_numbers(found.unet, 64 * 64, checkpointing=checkpointing)
            for checkpointing in (False, True)
        ]
        numbers.append((estimate.lora_parameters(config, found.unet, *found.texts), *kept))
    assert numbers[0][0] == numbers[1][0]
    # convolutions at the ends go by other names, and so may count otherwise
    assert numbers[1][1] == pytest.approx(numbers[0][1], rel=0.02)
    assert numbers[1][2] == pytest.approx(numbers[0][2], rel=0.15)
    by_file = estimate.memory(
        config.model_copy(update={"pretrained_model_name_or_path": str(file)}), [(64, 64)], 2
    )
    by_folder = estimate.memory(config, [(64, 64)], 2)
    assert by_file is not None
    assert by_folder is not None
    assert by_file.total == pytest.approx(by_folder.total, rel=0.05)


@pytest.mark.parametrize(("family", "side"), FULL)
def test_what_is_kept_of_full_size_models(family: Family, side: int) -> None:
    text = (files("train.models") / "configs" / f"{family}.json").read_text(encoding="utf-8")
    with torch.device("meta"):
        unet = UNet2DConditionModel(**json.loads(text)["unet"])
    found = {name: tuple(value.shape) for name, value in unet.named_parameters()}
    gib = [
        2 / 2**30 * estimate.kept_numbers(found, side * side, checkpointing=checkpointing)
        for checkpointing in (False, True)
    ]
    whole, checkpointed = FULL[family, side]
    assert gib[0] == pytest.approx(whole, rel=0.03)
    # one block is computed whole beside what was counted
    assert checkpointed < gib[1] < 1.5 * checkpointed
    assert max(depths(found).values()) == len(unet.config.block_out_channels) - 1


def test_memory_grows_with_what_makes_it_grow(base: Path, tmp_path: Path) -> None:
    config = tiny_base.config(base, tmp_path)

    def of(batch: int = 1, **values: Any) -> estimate.Memory:
        found = estimate.memory(config.model_copy(update=values), [(64, 64)], batch)
        assert found is not None
        return found

    one = of()
    assert of(2).kept == pytest.approx(2 * one.kept)
    assert of(network_dim=8).lora == 2 * one.lora
    assert of(conv_dim=4).lora > one.lora
    assert of(optimizer_type="AdamW8bit").lora < one.lora
    assert of(gradient_checkpointing=True).kept < one.kept
    half = of(mixed_precision="bf16")
    assert (half.base * 2, half.lora) == (one.base, one.lora)
    larger = estimate.memory(config, [(64, 64), (128, 64)], 1)
    assert larger is not None
    assert larger.kept == pytest.approx(2 * one.kept)
    assert one.to_json()["total_mb"] == round(one.total / 1e6, 1)


def test_of_an_unknown_base_nothing_is_said(tmp_path: Path) -> None:
    config = tiny_base.config(tmp_path / "nothing", tmp_path)
    assert estimate.memory(config, [(64, 64)], 1) is None
    (tmp_path / "nothing" / "unet").mkdir(parents=True)
    (tmp_path / "nothing" / "unet" / "x.safetensors").write_bytes(b"broken")
    assert estimate.memory(config, [(64, 64)], 1) is None
    assert shapes(tmp_path / "nothing" / "unet") == {}
    single = tmp_path / "a.safetensors"
    single.write_bytes(b"<html>")
    config = config.model_copy(update={"pretrained_model_name_or_path": str(single)})
    assert estimate.memory(config, [(64, 64)], 1) is None
