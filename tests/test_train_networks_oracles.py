"""Others read from our files what we mean, and we from theirs: diffusers and LyCORIS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny_base
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from safetensors.torch import save_file
from tiny_layers import NAME, alone, base_of, config, strengthen

from train import models, names, networks
from train.families import FAMILIES, Family
from train.networks.lora import LoRALayer
from train.networks.network import attached


def answers(base: models.Base, parts: Any) -> tuple[torch.Tensor, ...]:
    """What text encoders and UNet give, wherever they come from."""
    source = torch.Generator().manual_seed(3)
    ids = torch.tensor([[0, *range(5, 80), 1]])
    x = torch.randn(1, 4, 8, 8, generator=source)
    context = torch.randn(1, 9, base.unet.config.cross_attention_dim, generator=source)
    more: dict[str, Any] = {}
    if base.family == "sdxl":
        pooled = torch.randn(1, tiny_base.WIDTH // 2, generator=source)
        more["added_cond_kwargs"] = {"text_embeds": pooled, "time_ids": torch.ones(1, 6)}
    encoders, unet = parts
    with torch.no_grad():
        seen = [encoder(ids, output_hidden_states=True).hidden_states[-1] for encoder in encoders]
        return *seen, unet(x, 5, encoder_hidden_states=context, **more)[0]


@pytest.mark.parametrize("network_type", ["lora", "locon"])
@pytest.mark.parametrize("family", FAMILIES)
def test_diffusers_reads_the_same_network_from_the_file(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, family: Family, network_type: str
) -> None:
    folder = tiny_base.shared(tmp_path_factory, family=family)
    base = models.load(models.Source(str(folder)), torch.device("cpu"))
    on = names.targets(base, convs=network_type == "locon")
    # diffusers takes one alpha for all; ours are folded into one, whatever the layers have
    settings = config(network_type=network_type, network_dim=3, network_alpha=2, conv_alpha=0.5)
    network = networks.create(settings, on, family)
    strengthen(network, std=0.2)
    parts = [text.encoder for text in base.texts], base.unet
    plain = answers(base, parts)
    with attached(network.eval(), on):
        ours = answers(base, parts)
    path = tmp_path / "strong.safetensors"
    # SD2's proj_in stays 2-D here: diffusers refuses it as the 1×1 convolution of sd-scripts
    save_file({key: value.contiguous() for key, value in network.to_file(2.0).items()}, path)
    if family == "sdxl":
        pipeline: Any = StableDiffusionXLPipeline.from_pretrained(folder)
        encoders = [pipeline.text_encoder, pipeline.text_encoder_2]
    else:
        pipeline = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
        encoders = [pipeline.text_encoder]
    pipeline.load_lora_weights(path)
    theirs = answers(base, (encoders, pipeline.unet))
    assert len(ours) == len(base.texts) + 1
    for before, mine, other in zip(plain, ours, theirs, strict=True):
        assert (before - mine).abs().max() > 0.05
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=2e-4)


# LyCORIS

KINDS = ["linear", "1×1", "3×3, stride 2"]


def lycoris_module(algo: str, base: Any, **values: Any) -> Any:
    """A layer of the package with random weights, alpha unlike its rank."""
    modules = pytest.importorskip("lycoris.modules")
    layer = {"locon": modules.LoConModule, "loha": modules.LohaModule}[algo](
        NAME, base, 1.0, 3, 1.2, **values
    )
    strengthen(layer)
    return layer.eval()


def delta_of(layer: Any, algo: str) -> torch.Tensor:
    """ΔW by the module's own weight; its get_diff_weight scales a LoHa twice."""
    if algo == "loha":
        return layer.get_weight(layer.shape).detach()
    return layer.make_weight().detach() * layer.scale


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("use_tucker", [False, True])
@pytest.mark.parametrize("algo", ["locon", "loha"])
def test_a_layer_of_lycoris_is_read_as_it_means(algo: str, use_tucker: bool, kind: str) -> None:
    base, x = base_of(kind)
    theirs = lycoris_module(algo, base, use_tucker=use_tucker)
    weights = {f"{NAME}.{key}": value.detach() for key, value in theirs.state_dict().items()}
    is_tucker = any("mid" in key or "hada_t1" in key for key in weights)
    assert is_tucker == (use_tucker and kind.startswith("3×3"))
    _, on = alone(LoRALayer(base, 1, 1.0), base)
    network = networks.from_weights(on, weights)
    torch.testing.assert_close(network[NAME].delta(), delta_of(theirs, algo))
    expected = base(x) + theirs.bypass_forward_diff(x)
    torch.testing.assert_close(network[NAME](x, base(x), 1.0), expected, rtol=1e-4, atol=1e-5)
    again = networks.from_weights(on, network.to_file(7.0))
    torch.testing.assert_close(again[NAME].delta(), delta_of(theirs, algo))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("algo", ["locon", "loha"])
def test_lycoris_reads_our_files(algo: str, kind: str) -> None:
    modules = pytest.importorskip("lycoris.modules")
    base, _ = base_of(kind)
    _, on = alone(LoRALayer(base, 1, 1.0), base)
    network = networks.create(config(network_type=algo, conv_dim=4, network_alpha=1), on, "sd1")
    strengthen(network)
    weights = network.to_file(5.0)
    found, tensors = modules.get_module(weights, NAME)
    layer = modules.make_module(found, tensors, NAME, base)
    torch.testing.assert_close(delta_of(layer, algo), network[NAME].delta())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("on_output", [True, False])
def test_lycoris_means_the_same_by_dora_scale(kind: str, on_output: bool) -> None:
    base, _ = base_of(kind)
    theirs = lycoris_module("locon", base, weight_decompose=True, wd_on_out=on_output)
    theirs.dora_scale.data.uniform_(0.5, 2.0, generator=torch.Generator().manual_seed(2))
    weights = {f"{NAME}.{key}": value.detach() for key, value in theirs.state_dict().items()}
    _, on = alone(LoRALayer(base, 1, 1.0), base)
    network = networks.from_weights(on, weights)
    merged = theirs.get_merged_weight(shape=base.weight.shape)[0].detach()
    torch.testing.assert_close(base.weight + network[NAME].delta(), merged, rtol=1e-4, atol=1e-5)
    written = network.to_file(1.2)[f"{NAME}.dora_scale"]
    assert torch.equal(written, weights[f"{NAME}.dora_scale"])
