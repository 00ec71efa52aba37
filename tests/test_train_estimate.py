"""The memory of a run, before it is run: counted from file headers, as the network counts."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_base
import torch

from train import estimate, models, names
from train.networks import NETWORKS


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base.shared(tmp_path_factory)


@pytest.mark.parametrize(("unet_lr", "text_lr"), [(1e-4, 5e-5), (1e-4, 0), (0, 5e-5)])
def test_the_parameters_of_the_lora_are_counted_right(
    base: Path, tmp_path: Path, unet_lr: float, text_lr: float
) -> None:
    config = tiny_base.config(base, tmp_path, unet_lr=unet_lr, text_encoder_lr=text_lr)
    unet, text = estimate.shapes(base / "unet"), estimate.shapes(base / "text_encoder")
    loaded = models.load(str(base), torch.device("cpu"))
    targets = names.unet_targets(loaded.unet) if unet_lr else {}
    targets |= names.text_encoder_targets(loaded.text_encoder) if text_lr else {}
    network = NETWORKS["lora"](targets, config.network_dim, config.network_alpha, 1)
    expected = sum(parameter.numel() for parameter in network.parameters())
    assert estimate.lora_parameters(config, unet, text) == expected


def test_memory_grows_with_what_makes_it_grow(base: Path, tmp_path: Path) -> None:
    config = tiny_base.config(base, tmp_path)
    half = config.model_copy(update={"mixed_precision": "bf16"})
    one = estimate.memory(config, [(64, 64)], 1)
    assert one is not None
    for other in (
        estimate.memory(config, [(64, 64)], 2),
        estimate.memory(config, [(64, 64), (128, 64)], 1),
        estimate.memory(config.model_copy(update={"network_dim": 8}), [(64, 64)], 1),
    ):
        assert other is not None
        assert other.total > one.total
    halved = estimate.memory(half, [(64, 64)], 1)
    assert halved is not None
    assert halved.base * 2 == one.base
    # SD 1.5 itself: what is kept of one picture of 512×512 in 16 bits
    assert estimate._size_of(*estimate.SD15) > estimate._size_of((32, 64), 1)


def test_of_an_unknown_base_nothing_is_said(tmp_path: Path) -> None:
    config = tiny_base.config(tmp_path / "nothing", tmp_path)
    assert estimate.memory(config, [(64, 64)], 1) is None
    (tmp_path / "nothing" / "unet").mkdir(parents=True)
    (tmp_path / "nothing" / "unet" / "x.safetensors").write_bytes(b"broken")
    assert estimate.memory(config, [(64, 64)], 1) is None
