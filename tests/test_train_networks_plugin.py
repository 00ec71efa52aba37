"""LoKr, GLoRA, OFT and BOFT by the package lycoris-lora, laid on and saved as ours."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from tiny_layers import NAME, alone, base_of, config, merged, strengthen

from dataprep.errors import DataprepError, UsageError
from train import networks
from train.networks.lora import LoRALayer
from train.networks.network import Network
from train.targets import Targets

modules = pytest.importorskip("lycoris.modules")

ALGORITHMS: dict[str, dict[str, Any]] = {
    "lokr": {"network_args": ["algo=lokr", "factor=4"], "network_dim": 1},
    "lokr of whole matrices": {"network_args": ["algo=lokr", "full_matrix=true"]},
    "glora": {"network_args": ["algo=glora"]},
    "diag-oft": {"network_args": ["algo=diag-oft"]},
    "boft": {"network_args": ["algo=boft"], "network_dim": 2},
}
KINDS = ["linear", "1×1", "3×3, stride 2"]


def made(kind: str, values: dict[str, Any], **more: Any) -> tuple[Network, Targets, torch.Tensor]:
    base, x = base_of(kind)
    _, on = alone(LoRALayer(base, 1, 1.0), base)
    settings = config(
        **{"network_type": "lycoris", "network_dim": 4, "network_alpha": 1, "conv_dim": 2}
        | values
        | more
    )
    return networks.create(settings, on, "sd1"), on, x


def fits(algorithm: str, kind: str) -> bool:
    return algorithm != "boft" or kind.startswith("3×3")


CASES = [(name, kind) for name in ALGORITHMS for kind in KINDS if fits(name, kind)]


@pytest.mark.parametrize(("algorithm", "kind"), CASES)
def test_a_layer_adds_what_merging_its_delta_would(algorithm: str, kind: str) -> None:
    network, on, x = made(kind, ALGORITHMS[algorithm])
    layer, base = network[NAME], on[NAME].module
    assert layer.delta().abs().max() < 1e-6
    strengthen(network, 0.2)
    delta = layer.delta()
    assert delta.abs().mean() > 0.001
    changed = layer(x, base(x), 0.7)
    torch.testing.assert_close(changed, merged(base, x, 0.7 * delta), rtol=1e-4, atol=1e-5)
    gradients = torch.autograd.grad(changed.square().sum(), list(network.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


@pytest.mark.parametrize(("algorithm", "kind"), CASES)
def test_the_file_is_the_packages_and_gives_back_the_network(algorithm: str, kind: str) -> None:
    network, on, _ = made(kind, ALGORITHMS[algorithm])
    strengthen(network, 0.2)
    delta = network[NAME].delta()
    written = network.to_file(1.0)
    assert f"{NAME}.alpha" in written
    again = networks.from_weights(on, written)
    torch.testing.assert_close(again[NAME].delta(), delta)
    settings = config(
        network_type="lycoris",
        conv_dim=2,
        dim_from_weights=True,
        network_weights="a",
        text_encoder_lr=0,
        **ALGORITHMS[algorithm],
    )
    going_on = networks.continue_from(settings, on, "sd1", written)
    torch.testing.assert_close(going_on[NAME].delta(), delta)
    assert all(parameter.requires_grad for parameter in going_on.parameters())


@pytest.mark.parametrize("algorithm", ["lokr", "glora", "diag-oft"])
def test_half_precision_keeps_small_changes(algorithm: str) -> None:
    base, x = base_of("linear")
    half = base.to(torch.bfloat16)
    _, on = alone(LoRALayer(half, 1, 1.0), half)
    settings = config(network_type="lycoris", **{"network_dim": 4, **ALGORITHMS[algorithm]})
    network = networks.create(settings, on, "sd1")
    strengthen(network, 0.01)
    x = x.bfloat16()
    added = network[NAME](x, torch.zeros_like(half(x)), 1.0)
    assert added.dtype == torch.bfloat16
    expected = x.float() @ network[NAME].delta().t()
    torch.testing.assert_close(
        added.float(), expected, rtol=0.05, atol=0.03 * float(expected.std())
    )


def test_it_is_drawn_by_seed_and_name_and_leaves_the_global_state_alone() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, _, _ = made("linear", ALGORITHMS["lokr"])
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(6)
    second, _, _ = made("linear", ALGORITHMS["lokr"])
    other, _, _ = made("linear", ALGORITHMS["lokr"], seed=1)
    for key, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[key])
    assert any(
        not torch.equal(value, other.state_dict()[key]) for key, value in first.state_dict().items()
    )


def test_arguments_that_mean_nothing_are_refused() -> None:
    for arguments, message in (
        ([], "algo is missing"),
        (["algo=loha"], "algo is loha"),
        (["algo=lokr", "preset=full"], "preset is not known"),
        (["algo=lokr", "factor=big"], "factor is big"),
        (["algo=lokr", "full_matrix=maybe"], "full_matrix is maybe"),
    ):
        with pytest.raises(UsageError, match=message):
            made("linear", {"network_args": arguments})
    with pytest.raises(UsageError, match="loraplus_lr_ratio does not go with"):
        made("linear", ALGORITHMS["lokr"], loraplus_lr_ratio=4)
    with pytest.raises(UsageError, match="impossible to decompose"):
        made("linear", {"network_args": ["algo=boft"]})


def test_a_file_of_another_algorithm_is_refused() -> None:
    network, on, _ = made("linear", ALGORITHMS["glora"])
    settings = config(network_type="lycoris", network_args=["algo=lokr"], network_dim=4)
    with pytest.raises(DataprepError, match="another algorithm than network_args"):
        networks.continue_from(settings, on, "sd1", network.to_file(1.0))


def test_without_the_package_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "lycoris.modules", None)
    with pytest.raises(DataprepError, match="needs the package lycoris-lora") as caught:
        made("linear", ALGORITHMS["lokr"])
    assert caught.value.hint == "pip install lycoris-lora"
