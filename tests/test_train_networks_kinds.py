"""LoHa, DyLoRA and DoRA: the formulas of their papers, whichever way they are computed."""

from __future__ import annotations

from typing import Any

import pytest
import tiny_layers
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_layers import NAME, alone, base_of, merged, strengthen

from train.networks import loha
from train.networks.dora import DoRALayer
from train.networks.dropout import Dropouts
from train.networks.dylora import DyLoRALayer, at_rank
from train.networks.loha import LoHaLayer
from train.networks.network import Layer
from train.noise import generator

MAKERS: dict[str, Any] = {
    "loha thin": lambda base, **values: loha_of(base, True, **values),
    "loha dense": lambda base, **values: loha_of(base, False, **values),
    "dylora": lambda base, **values: DyLoRALayer(base, 4, 0.5, unit=2, **values),
    "dora": lambda base, **values: DoRALayer(base, 3, 0.5, **values),
    "dora by row": lambda base, **values: DoRALayer(base, 3, 0.5, by_row=True, **values),
}


def loha_of(base: Any, thin: bool, **values: Any) -> LoHaLayer:
    layer = LoHaLayer(base, 3, 0.5, **values)
    layer.is_thin = thin
    return layer


@pytest.mark.parametrize("kind", tiny_layers.BASES)
@pytest.mark.parametrize("maker", MAKERS)
def test_a_layer_adds_what_merging_its_delta_would(maker: str, kind: str) -> None:
    base, x = base_of(kind)
    layer: Layer = MAKERS[maker](base).eval()
    strengthen(layer, std=0.6)
    delta = layer.delta()
    assert delta.shape == base.weight.shape
    assert delta.abs().mean() > 0.01
    for strength in (1.0, 0.6):
        changed = layer(x, base(x), strength)
        expected = merged(base, x, strength * delta)
        torch.testing.assert_close(changed, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("maker", MAKERS)
def test_it_starts_at_nothing_and_every_weight_learns(maker: str) -> None:
    base, x = base_of("3×3, stride 2")
    layer: Layer = MAKERS[maker](base)
    layer.start(generator(0, "init", NAME))
    assert layer.delta().abs().max() < 1e-7
    assert torch.equal(layer(x, base(x), 1.0), base(x))
    strengthen(layer)
    layer(x, base(x), 1.0).square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("maker", MAKERS)
def test_half_precision_keeps_what_a_sum_with_the_base_would_round_away(maker: str) -> None:
    base, x = base_of("linear")
    half = base.to(torch.bfloat16)
    layer: Layer = MAKERS[maker](half).eval()
    strengthen(layer, std=0.05)
    if isinstance(layer, DoRALayer):
        layer.dora_scale.data.copy_(layer._norms(base.weight.float()))
    else:
        layer.multiply(1e-3)
    x = x.bfloat16()
    output = half(x)
    silent = torch.zeros_like(output)
    added = layer(x, silent, 1.0) if not isinstance(layer, DoRALayer) else layer(x, output, 1.0)
    assert added.dtype == torch.bfloat16
    expected = x.float() @ layer.delta().t()
    if isinstance(layer, DoRALayer):
        expected = expected + output.float()
    torch.testing.assert_close(
        added.float(), expected, rtol=0.05, atol=0.02 * float(expected.std())
    )


@pytest.mark.parametrize("kind", ["linear", "3×3"])
@pytest.mark.parametrize("maker", MAKERS)
def test_under_autocast_weights_and_gradients_stay_in_full_precision(maker: str, kind: str) -> None:
    base, x = base_of(kind)
    layer: Layer = MAKERS[maker](base)
    strengthen(layer)
    wanted = list(layer.parameters())
    exact = layer(x, base(x), 1.0)
    gradients = torch.autograd.grad(exact.square().sum(), wanted)
    with torch.autocast("cpu", torch.bfloat16):
        low = layer(x, base(x), 1.0)
    assert low.dtype == torch.bfloat16
    torch.testing.assert_close(
        low.float(), exact, rtol=0.05, atol=0.03 * float(exact.detach().std())
    )
    for mine, expected in zip(
        torch.autograd.grad(low.float().square().sum(), wanted), gradients, strict=True
    ):
        assert mine.dtype == torch.float32
        assert torch.cosine_similarity(mine.flatten(), expected.flatten(), dim=0) > 0.99


# LoHa


@pytest.mark.parametrize("kind", tiny_layers.BASES)
@pytest.mark.parametrize("of_input", [True, False])
def test_both_ways_of_a_loha_have_the_gradients_of_its_formula(kind: str, of_input: bool) -> None:
    base, x = base_of(kind)
    layer = LoHaLayer(base.double(), 2, 0.7).double()
    strengthen(layer)
    x = x.double().requires_grad_(of_input)
    wanted = [*layer.parameters(), *([x] if of_input else [])]
    loss = torch.randn(base(x).shape, dtype=torch.double, generator=generator(3))

    def gradients(output: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return torch.autograd.grad((output * loss).sum(), wanted)

    a1, b1, a2, b2 = layer._factors()
    plain = gradients(merged(base, x, (0.7 * (a1 @ b1) * (a2 @ b2)).view(base.weight.shape)))
    for thin in (True, False):
        layer.is_thin = thin
        for mine, formula in zip(gradients(layer(x, base(x), 1.0)), plain, strict=True):
            torch.testing.assert_close(mine, formula, rtol=1e-9, atol=1e-9)


def test_the_dense_way_passes_gradcheck() -> None:
    base, x = base_of("linear")
    layer = LoHaLayer(base.double(), 2, 0.7).double()
    strengthen(layer)
    inputs = (x.double().requires_grad_(), *layer._factors())

    def dense(*values: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = loha._Dense.apply(*values, 0.7, layer.shape, layer.operation)
        return result

    assert torch.autograd.gradcheck(dense, inputs)


@given(st.integers(1, 5), st.integers(2, 12), st.integers(2, 12))
@settings(max_examples=25, deadline=None)
def test_thin_and_dense_are_equal_at_any_size(dim: int, inner: int, out: int) -> None:
    base = torch.nn.Linear(inner, out).double()
    layer = LoHaLayer(base, dim, 1.3).double()
    strengthen(layer)
    x = torch.randn(3, inner, dtype=torch.double, generator=generator(4))
    results = []
    for thin in (True, False):
        layer.is_thin = thin
        results.append(layer(x, base(x), 1.0))
    torch.testing.assert_close(*results, rtol=1e-10, atol=1e-10)


def test_the_cheaper_way_is_taken_and_the_dense_product_is_not_kept() -> None:
    base = torch.nn.Linear(64, 64)
    assert LoHaLayer(base, 2, 1.0).is_thin
    layer = LoHaLayer(base, 8, 1.0)
    assert not layer.is_thin
    strengthen(layer)
    kept: list[torch.Size] = []

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor.shape)
        return tensor

    x = torch.randn(2, 64)
    output = base(x)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        layer(x, output, 1.0)
    assert kept
    assert torch.Size((64, 64)) not in kept


def test_lycoris_start_of_a_loha() -> None:
    layer = LoHaLayer(torch.nn.Linear(400, 300), 8, 1.0)
    layer.start(generator(0, "init", NAME))
    for name, std in (("hada_w1_a", 0.1), ("hada_w1_b", 1.0), ("hada_w2_b", 1.0)):
        assert float(getattr(layer, name).detach().std()) == pytest.approx(std, rel=0.1)
    assert layer.hada_w2_a.eq(0).all()


def test_dropouts_of_a_loha_leave_out_outputs() -> None:
    base, x = base_of("linear")
    layer = LoHaLayer(base, 3, 1.0, Dropouts(ranks=0.5))
    strengthen(layer)
    layer.begin_step(0, 1, NAME)
    added = layer(x, torch.zeros(2, 3, 20), 1.0)
    out = added.abs().sum(1)
    assert 5 < (out == 0).sum() < 35
    assert torch.equal(added, layer(x, torch.zeros(2, 3, 20), 1.0))


# DyLoRA


def dylora() -> tuple[DyLoRALayer, Any, torch.Tensor]:
    base, x = base_of("linear")
    layer = DyLoRALayer(base, 8, 0.5, unit=2)
    strengthen(layer)
    return layer, base, x


def test_a_step_learns_the_ranks_it_drew_and_no_others() -> None:
    layer, base, x = dylora()
    seen = set()
    for step in range(40):
        layer.begin_step(0, step, NAME)
        layer.zero_grad()
        layer(x, base(x), 1.0).square().sum().backward()
        assert layer.lora_down.grad is not None
        learned = layer.lora_down.grad.abs().sum(1) > 0
        assert torch.equal(learned, torch.arange(8) < layer.rank)
        seen.add(layer.rank)
    assert seen == {2, 4, 6, 8}


@pytest.mark.parametrize("rank", [2, 4, 6, 8])
def test_the_front_of_a_dylora_is_the_lora_that_was_learned_at_that_rank(rank: int) -> None:
    layer, base, x = dylora()
    network, _ = alone(layer, base)
    tensors = at_rank(network, rank, alpha=3.0)
    down, up = tensors[f"{NAME}.lora_down.weight"], tensors[f"{NAME}.lora_up.weight"]
    assert down.shape == (rank, 24)
    layer.rank = rank
    delta = float(tensors[f"{NAME}.alpha"]) / rank * up @ down
    torch.testing.assert_close(layer(x, base(x), 1.0), merged(base, x, delta), rtol=1e-4, atol=1e-5)
    if rank == 8:
        torch.testing.assert_close(delta, layer.delta())


def test_a_rank_that_was_not_learned_is_refused() -> None:
    layer, base, _ = dylora()
    network, _ = alone(layer, base)
    for rank in (0, 3):
        with pytest.raises(ValueError, match="was not learned at rank"):
            at_rank(network, rank, 1.0)
    with pytest.raises(ValueError, match=r"rank 8 is no multiple of unit \(3\)"):
        DyLoRALayer(base, 8, 1.0, unit=3)


# DoRA


@pytest.mark.parametrize("kind", ["linear", "3×3"])
@pytest.mark.parametrize("by_row", [True, False])
def test_a_dora_has_the_lengths_it_learned_and_the_direction_of_its_lora(
    kind: str, by_row: bool
) -> None:
    base, _ = base_of(kind)
    layer = DoRALayer(base, 3, 0.5, by_row=by_row)
    strengthen(layer)
    layer.dora_scale.data.uniform_(0.5, 2.0, generator=generator(5))
    weight = base.weight + layer.delta()
    axis = 0 if by_row else 1
    lengths = weight.transpose(0, axis).flatten(1).norm(dim=1)
    torch.testing.assert_close(lengths, layer.dora_scale.flatten())
    moved = (base.weight + layer.low_rank()).transpose(0, axis).flatten(1)
    direction = torch.cosine_similarity(moved, weight.transpose(0, axis).flatten(1))
    torch.testing.assert_close(direction, torch.ones_like(direction))


def test_the_gradient_takes_the_norm_for_constant() -> None:
    base, x = base_of("linear")
    layer = DoRALayer(base, 3, 0.5)
    strengthen(layer)
    with torch.no_grad():
        norm = (base.weight + layer.low_rank()).norm(dim=0, keepdim=True)
    low = 0.5 * layer.lora_up @ layer.lora_down
    formula = layer.dora_scale * (base.weight + low) / norm - base.weight
    wanted = list(layer.parameters())
    plain = torch.autograd.grad(merged(base, x, formula).square().sum(), wanted)
    mine = torch.autograd.grad(layer(x, base(x), 1.0).square().sum(), wanted)
    for gradient, expected in zip(mine, plain, strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-3)


def test_the_base_is_no_weight_of_a_dora() -> None:
    base, _ = base_of("linear")
    assert set(DoRALayer(base, 3, 0.5).state_dict()) == {"lora_down", "lora_up", "dora_scale"}
