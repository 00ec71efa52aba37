"""LoRA layers: their arithmetic, dropouts, and how a network is laid on its base and taken away."""

from __future__ import annotations

import pytest
import tiny_layers
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_layers import NAME, alone, base_of, merged, strengthen
from torch import nn
from torch.utils.checkpoint import checkpoint

from train import networks
from train.networks.dropout import Dropouts, uniforms
from train.networks.dylora import DyLoRALayer
from train.networks.lora import LoRALayer
from train.networks.network import attached
from train.noise import generator


@pytest.mark.parametrize("kind", tiny_layers.BASES)
def test_a_layer_adds_what_merging_its_delta_would(kind: str) -> None:
    base, x = base_of(kind)
    layer = LoRALayer(base, 3, 0.5)
    strengthen(layer)
    network, targets = alone(layer, base)
    network.multiplier = 0.7
    with attached(network, targets):
        changed = base(x)
    torch.testing.assert_close(changed, merged(base, x, 0.7 * layer.delta()), rtol=1e-4, atol=1e-5)


def test_taken_away_or_at_strength_0_the_base_is_back_bit_for_bit() -> None:
    base, x = base_of("linear")
    plain = base(x)
    layer = LoRALayer(base, 3, 0.5)
    strengthen(layer)
    network, targets = alone(layer, base)
    with attached(network, targets):
        assert (base(x) - plain).abs().max() > 0.1
        network.multiplier = 0
        assert torch.equal(base(x), plain)
    assert torch.equal(base(x), plain)


@pytest.mark.parametrize("kind", ["linear", "3×3, stride 2"])
def test_it_starts_at_nothing_within_kohyas_bounds(kind: str) -> None:
    base, x = base_of(kind)
    layer = LoRALayer(base, 4, 1.0)
    layer.start(generator(0, "init", NAME))
    assert layer.delta().eq(0).all()
    assert torch.equal(layer(x, base(x), 1.0), base(x))
    fan_in = base.weight[0].numel()
    assert 0.8 < layer.lora_down.abs().max() * fan_in**0.5 <= 1
    again = LoRALayer(base, 4, 1.0)
    again.start(generator(0, "init", NAME))
    assert torch.equal(again.lora_down, layer.lora_down)


def test_what_no_network_fits_is_named() -> None:
    for base in (nn.Embedding(3, 4), nn.Conv2d(4, 4, 3, groups=2)):
        with pytest.raises(TypeError, match="no network fits"):
            LoRALayer(base, 2, 1.0)


def test_a_half_precision_base_is_answered_in_its_format_without_losing_small_changes() -> None:
    base, x = base_of("linear")
    layer = LoRALayer(base, 4, 1e-4)
    strengthen(layer)
    half = x.bfloat16()
    low = layer(half, torch.zeros(2, 3, 20, dtype=torch.bfloat16), 1.0)
    assert low.dtype == torch.bfloat16
    assert layer.lora_up.dtype == torch.float32
    exact = half.float() @ layer.delta().t()
    torch.testing.assert_close(low.float(), exact, rtol=0.03, atol=1e-6)
    with torch.autocast("cpu", torch.bfloat16):
        changed = layer(x, base(x), 1.0)
    assert changed.dtype == torch.bfloat16


# Dropouts


@given(st.integers(0, 2**63 - 1))
@settings(max_examples=20, deadline=None)
def test_drawn_numbers_are_even_and_follow_from_the_key(key: int) -> None:
    drawn = uniforms(key, [64, 64], torch.device("cpu"))
    assert torch.equal(drawn, uniforms(key, [64, 64], torch.device("cpu")))
    assert 0 <= drawn.min() <= drawn.max() < 1
    assert abs(drawn.mean() - 0.5) < 0.03
    assert abs((drawn < 0.1).float().mean() - 0.1) < 0.03
    # neighbours have nothing to do with each other, nor have neighbouring keys
    assert (
        abs(torch.corrcoef(torch.stack([drawn[:, :-1].flatten(), drawn[:, 1:].flatten()]))[0, 1])
        < 0.1
    )
    other = uniforms((key + 1) % 2**63, [64, 64], torch.device("cpu"))
    assert abs(torch.corrcoef(torch.stack([drawn.flatten(), other.flatten()]))[0, 1]) < 0.1


def dropping(kind: str = "linear", **values: float) -> tuple[LoRALayer, torch.Tensor, torch.Tensor]:
    base, x = base_of(kind)
    layer = LoRALayer(base, 16, 1.0, Dropouts(**values))
    strengthen(layer)
    layer.begin_step(0, 3, NAME)
    return layer, x, base(x)


@pytest.mark.parametrize("kind", ["linear", "linear of rows", "3×3"])
def test_rank_dropout_leaves_out_ranks_of_each_picture(kind: str) -> None:
    layer, x, _ = dropping(kind, ranks=0.5)
    thin = layer.thin(x)
    ranks = (
        thin.transpose(0, 1).flatten(2).abs().sum(2)
        if thin.ndim == 4
        else (thin.flatten(1, -2).abs().sum(1).t() if thin.ndim == 3 else thin.abs().t())
    )
    assert 4 < (ranks == 0).sum() < 28
    kept = thin != 0
    torch.testing.assert_close(thin[kept], layer.eval().thin(x)[kept])
    layer.train().dropouts = Dropouts(ranks=0.5, ranks_scaled=True)
    torch.testing.assert_close(layer.thin(x), 2 * thin)


def test_network_dropout_leaves_out_values_and_strengthens_the_others() -> None:
    layer, x, _ = dropping(values=0.25)
    thin = layer.thin(x)
    assert 0.1 < (thin == 0).float().mean() < 0.4
    whole = layer.eval().thin(x)
    torch.testing.assert_close(thin[thin != 0], whole[thin != 0] / 0.75)


def test_module_dropout_leaves_out_modules_by_step() -> None:
    layer, x, output = dropping(modules=0.3)
    skipped = []
    for step in range(200):
        layer.begin_step(0, step, NAME)
        skipped.append(torch.equal(layer(x, output, 1.0), output))
    assert 40 < sum(skipped) < 80
    layer.eval()
    assert not torch.equal(layer(x, output, 1.0), output)


def test_dropouts_are_the_same_when_computed_twice_and_differ_by_step() -> None:
    layer, x, output = dropping(values=0.3, ranks=0.3)
    first = layer(x, output, 1.0)
    assert torch.equal(layer(x, output, 1.0), first)
    layer.begin_step(0, 4, NAME)
    assert not torch.equal(layer(x, output, 1.0), first)
    layer.begin_step(0, 3, NAME)
    assert torch.equal(layer(x, output, 1.0), first)


@pytest.mark.parametrize("layer_class", [LoRALayer, DyLoRALayer])
def test_gradients_under_checkpointing_are_those_without(layer_class: type[LoRALayer]) -> None:
    base, x = base_of("linear")
    layer = layer_class(base, 8, 1.0, Dropouts(values=0.3, ranks=0.3))
    strengthen(layer)
    layer.begin_step(0, 5, NAME)
    gradients = []
    for twice in (False, True):
        output = (
            checkpoint(layer, x, base(x), 1.0, use_reentrant=False)
            if twice
            else layer(x, base(x), 1.0)
        )
        gradients.append(torch.autograd.grad(output.square().sum(), list(layer.parameters())))
    for plain, recomputed in zip(*gradients, strict=True):
        assert torch.equal(plain, recomputed)
        assert plain.abs().sum() > 0


# Shortening


@given(st.floats(0.1, 20.0), st.sampled_from(["lora", "loha", "locon"]))
@settings(max_examples=20, deadline=None)
def test_shortening_gives_the_length_asked_for_and_leaves_short_ones(
    longest: float, network_type: str
) -> None:
    config = tiny_layers.config(network_type=network_type, network_dim=3)
    targets = {}
    for number, kind in enumerate(["linear", "linear", "3×3", "1×1"]):
        name = f"lora_unet_down_blocks_{number}_attentions_0_proj_in"
        targets |= alone(LoRALayer(base_of(kind)[0], 1, 1.0), base_of(kind)[0], name)[1]
    network = networks.create(config, targets, "sd1")
    strengthen(network, std=0.5)
    before = {name: layer.delta() for name, layer in network.layers()}
    long = sum(bool(delta.norm() > longest) for delta in before.values())
    assert networks.shorten(network, longest) == long
    for name, layer in network.layers():
        old = before[name]
        expected = old * min(1.0, float(longest / old.norm()))
        torch.testing.assert_close(layer.delta(), expected, rtol=1e-4, atol=1e-5)
        if old.norm() < longest:
            assert torch.equal(layer.delta(), old)


def test_the_length_of_a_product_is_that_of_its_dense_form() -> None:
    for kind in tiny_layers.BASES:
        base, _ = base_of(kind)
        layers = [LoRALayer(base, 3, scale) for scale in (0.5, 2.0)]
        for layer in layers:
            strengthen(layer)
        dense = torch.stack([layer.delta().norm() for layer in layers])
        torch.testing.assert_close(LoRALayer.lengths(layers), dense, rtol=1e-5, atol=0)
    layer.start(generator(0))
    assert LoRALayer.lengths([layer]).eq(0).all()
    assert networks.shorten(alone(layer, base)[0], 1.0) == 0
    assert layer.delta().eq(0).all()
