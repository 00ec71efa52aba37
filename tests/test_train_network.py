"""The LoRA: kohya's names and counts, its arithmetic, and that diffusers reads the same from it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny_base
import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from train import lora_file, models, names
from train.networks import lora


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base.shared(tmp_path_factory)


@pytest.fixture(scope="module")
def base(folder: Path) -> models.Base:
    return models.load(str(folder), torch.device("cpu"))


def targets(base: models.Base) -> dict[str, nn.Module]:
    return names.unet_targets(base.unet) | names.text_encoder_targets(base.text_encoder)


def strong(on: dict[str, nn.Module], dim: int = 4, alpha: float = 2.0) -> lora.LoRANetwork:
    """A network far from its start, so that every layer counts."""
    network = lora.create(on, dim, alpha, seed=0)
    source = torch.Generator().manual_seed(1)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.2, generator=source)
    return network.requires_grad_(False)


def test_sd15_has_kohyas_modules() -> None:
    with torch.device("meta"):
        unet = UNet2DConditionModel(cross_attention_dim=768)
        text_encoder = CLIPTextModel(
            CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_attention_heads=12)
        )
    in_unet, in_text = names.unet_targets(unet), names.text_encoder_targets(text_encoder)
    assert (len(in_unet), len(in_text)) == (192, 72)
    assert len(names.unet_targets(unet, convs=True)) == 278
    for name in (
        "lora_unet_down_blocks_0_attentions_0_proj_in",
        "lora_unet_down_blocks_2_attentions_1_transformer_blocks_0_attn2_to_out_0",
        "lora_unet_mid_block_attentions_0_transformer_blocks_0_ff_net_0_proj",
        "lora_unet_up_blocks_3_attentions_2_transformer_blocks_0_ff_net_2",
    ):
        assert name in in_unet
    assert list(in_text)[:7] == [
        "lora_te_text_model_encoder_layers_0_self_attn_q_proj",
        "lora_te_text_model_encoder_layers_0_self_attn_k_proj",
        "lora_te_text_model_encoder_layers_0_self_attn_v_proj",
        "lora_te_text_model_encoder_layers_0_self_attn_out_proj",
        "lora_te_text_model_encoder_layers_0_mlp_fc1",
        "lora_te_text_model_encoder_layers_0_mlp_fc2",
        "lora_te_text_model_encoder_layers_1_self_attn_q_proj",
    ]


def test_the_older_text_encoder_layout_gives_the_same_names(base: models.Base) -> None:
    nested: Any = SimpleNamespace(text_model=base.text_encoder)
    assert names.text_encoder_targets(nested) == names.text_encoder_targets(base.text_encoder)


def test_the_state_dict_is_the_file(base: models.Base) -> None:
    network = lora.create(targets(base), 4, 2.0, seed=0)
    state = network.state_dict()
    assert len(state) == 3 * len(targets(base))
    name = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"
    assert state[f"{name}.lora_down.weight"].shape == (4, tiny_base.WIDTH)
    assert state[f"{name}.lora_up.weight"].shape == (64, 4)
    assert state[f"{name}.alpha"].shape == ()
    assert state[f"{name}.alpha"] == 2
    assert state["lora_unet_mid_block_attentions_0_proj_in.lora_down.weight"].shape == (4, 64, 1, 1)


def test_it_starts_at_nothing_and_each_layer_by_its_own_name(base: models.Base) -> None:
    whole = lora.create(targets(base), 4, 2.0, seed=0)
    part = lora.create(names.text_encoder_targets(base.text_encoder), 4, 2.0, seed=0)
    for name, layer in part.items():
        down, up = layer.lora_down.weight, layer.lora_up.weight
        assert torch.equal(down, whole[name].lora_down.weight)
        assert up.eq(0).all()
        assert 0.8 < down.abs().max() * down.shape[1] ** 0.5 <= 1


@pytest.mark.parametrize(
    ("base_layer", "shape"),
    [
        (nn.Linear(6, 5), (2, 3, 6)),
        (nn.Conv2d(6, 5, 1), (2, 6, 4, 4)),
        (nn.Conv2d(6, 5, 3, stride=2, padding=1), (2, 6, 8, 8)),
    ],
)
def test_a_layer_adds_what_merging_its_delta_would(
    base_layer: nn.Linear | nn.Conv2d, shape: tuple[int, ...]
) -> None:
    on: dict[str, nn.Module] = {"a": base_layer}
    network = strong(on, dim=2, alpha=4)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    network.multiplier = 0.5
    with lora.attached(network, on):
        changed = base_layer(x)
    untouched = base_layer.weight.detach().clone()
    with torch.no_grad():
        base_layer.weight += 0.5 * lora.delta(network["a"])
    torch.testing.assert_close(base_layer(x), changed, rtol=1e-5, atol=1e-5)
    with torch.no_grad():
        base_layer.weight.copy_(untouched)


def outputs(text_encoder: Any, unet: Any, tokenizer: Any) -> tuple[torch.Tensor, torch.Tensor]:
    ids = tokenizer(["zumi, red"], padding="max_length", max_length=77, return_tensors="pt")
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        encoded = text_encoder(ids.input_ids)[0]
        return encoded, unet(x, 5, encoder_hidden_states=encoded)[0]


def test_taken_away_or_at_strength_0_the_base_is_back_bit_for_bit(base: models.Base) -> None:
    parts = (base.text_encoder, base.unet, base.tokenizer)
    plain = outputs(*parts)
    network = strong(targets(base))
    with lora.attached(network, targets(base)):
        changed = outputs(*parts)
        network.multiplier = 0
        at_zero = outputs(*parts)
    after = outputs(*parts)
    for before, zero, gone, with_it in zip(plain, at_zero, after, changed, strict=True):
        assert torch.equal(before, zero)
        assert torch.equal(before, gone)
        assert (before - with_it).abs().max() > 0.1


def test_diffusers_reads_the_same_lora_from_the_file(
    base: models.Base, folder: Path, tmp_path: Path
) -> None:
    network = strong(targets(base))
    path = tmp_path / "strong.safetensors"
    lora_file.save(path, network.state_dict(), {"ss_v2": "False"}, "float")
    with lora.attached(network, targets(base)):
        ours = outputs(base.text_encoder, base.unet, base.tokenizer)
    pipeline = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    pipeline.load_lora_weights(path)
    theirs = outputs(pipeline.text_encoder, pipeline.unet, base.tokenizer)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-4)


def test_a_file_gives_back_the_network(base: models.Base, tmp_path: Path) -> None:
    network = strong(targets(base), dim=3, alpha=1.5)
    path = tmp_path / "a.safetensors"
    lora_file.save(path, network.state_dict(), {}, "float")
    weights, _ = lora_file.load(path)
    again = lora.from_weights(targets(base), weights)
    for name, layer in network.items():
        assert again[name].scale == layer.scale == 0.5
        torch.testing.assert_close(lora.delta(again[name]), lora.delta(layer))
    without_alpha = {key: value for key, value in weights.items() if not key.endswith("alpha")}
    assert lora.from_weights(targets(base), without_alpha)[name].scale == 1


def test_weights_that_fit_nothing_are_named(base: models.Base) -> None:
    state = lora.create(targets(base), 4, 2.0, seed=0).state_dict()
    with pytest.raises(ValueError, match="lora_unet_elsewhere fits no layer"):
        lora.from_weights(targets(base), {**state, "lora_unet_elsewhere.alpha": torch.ones(())})
    name = "lora_unet_mid_block_attentions_0_proj_in.lora_up.weight"
    with pytest.raises(ValueError, match=r"is \(8, 4, 1, 1\) where \(64, 4, 1, 1\) is needed"):
        lora.from_weights(targets(base), {**state, name: torch.ones(8, 4, 1, 1)})
