"""The file against the network it came from, and its formulas against LyCORIS and diffusers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_base
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lycoris.modules.locon import LoConModule
from lycoris.modules.loha import LohaModule
from lycoris.modules.lokr import LokrModule
from tiny_networks import FAMILIES, KINDS, PIPELINES, base_of, close, network_on, of_lycoris, strong
from torch import nn

from dataprep.errors import DataprepError
from train import lora_file
from train.families import Family
from train.models.base import Base
from train.networks.network import Layer

PRECISIONS = {"float": 1e-6, "fp16": 2e-3, "bf16": 2e-2}
Weights = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def pipeline_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Family], Any]:
    def load(family: Family) -> Any:
        folder = tiny_base.shared(tmp_path_factory, family)
        return PIPELINES[family].from_pretrained(folder)

    return load


@pytest.fixture(scope="module")
def bases(pipeline_of: Callable[[Family], Any]) -> dict[Family, Base]:
    return {family: base_of(pipeline_of(family), family) for family in FAMILIES}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_file_alone_gives_every_layers_change(
    bases: dict[Family, Base], tmp_path: Path, kind: str, precision: str
) -> None:
    network, targets = network_on(bases["sd1"], tmp_path, **KINDS[kind])
    path = tmp_path / "a.safetensors"
    lora_file.save(path, network, {}, precision, alpha=2.0, targets=targets)
    weights, _ = lora_file.load(path)
    assert {key.partition(".")[0] for key in weights} == set(network)
    assert {float(value) for key, value in weights.items() if key.endswith("alpha")} == {2.0}
    for name, layer in network.layers():
        own = layer.delta().detach()
        change = lora_file.dense(weights, name, targets[name].module.weight)
        close(change.reshape(own.shape), own, PRECISIONS[precision])


def test_untrained_and_barely_trained_networks_can_be_written(
    bases: dict[Family, Base], tmp_path: Path
) -> None:
    for number, values in enumerate(KINDS.values()):
        network, targets = network_on(bases["sd1"], tmp_path, **values)
        for size in (0.0, 1e-7):
            for parameter in network.part("lora_unet"):
                # below the finest step of fp16
                parameter.data.mul_(size)
            path = tmp_path / f"{number}.safetensors"
            lora_file.save(path, network, {}, "fp16", alpha=2.0, targets=targets)


def test_sd2_has_kohyas_convolutions_where_they_are_asked_for(
    bases: dict[Family, Base], tmp_path: Path
) -> None:
    network, targets = network_on(bases["sd2"], tmp_path, dora_wd=True)
    path = tmp_path / "a.safetensors"
    lora_file.save(path, network, {}, "fp16", alpha=2.0, targets=targets, kohya_shapes=True)
    weights, _ = lora_file.load(path)
    shapes = {
        key.rpartition("proj_in.")[2]: tuple(value.shape)
        for key, value in weights.items()
        if "mid_block_attentions_0_proj_in" in key
    }
    assert shapes == {
        "lora_down.weight": (4, 64, 1, 1),
        "lora_up.weight": (64, 4, 1, 1),
        "dora_scale": (1, 64, 1, 1),
        "alpha": (),
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_diffusers_merges_the_same_change_out_of_the_file(
    pipeline_of: Callable[[Family], Any], tmp_path: Path, family: Family
) -> None:
    pipeline = pipeline_of(family)
    base = base_of(pipeline, family)
    network, targets = network_on(base, tmp_path, **KINDS["locon"])
    path = tmp_path / "a.safetensors"
    lora_file.save(path, network, {"ss_v2": "False"}, "float", alpha=3.0, targets=targets)
    before = {name: target.module.weight.detach().clone() for name, target in targets.items()}
    pipeline.load_lora_weights(path)
    pipeline.fuse_lora()
    for name, layer in network.layers():
        merged = targets[name].module.weight.detach()
        close(merged - before[name], layer.delta().detach(), 1e-4)


class Spoilt(Layer):
    """A layer whose file says something else than it does."""

    def __init__(self, layer: Layer, spoil: Callable[[Weights], Weights]) -> None:
        super().__init__(layer.dim, layer.scale)
        self.layer, self.spoil = layer, spoil

    def delta(self) -> torch.Tensor:
        return self.layer.delta()

    def to_file(self, alpha: float) -> Weights:
        return self.spoil(dict(self.layer.to_file(alpha)))


def one_entry(tensors: Weights) -> Weights:
    up = tensors["lora_up.weight"].clone()
    up.flatten()[5] += 0.05
    return {**tensors, "lora_up.weight": up}


SPOILS: dict[str, tuple[Callable[[Weights], Weights], str]] = {
    "one entry of a tensor": (one_entry, "is not what the layer adds"),
    "another alpha": (
        lambda tensors: {**tensors, "alpha": tensors["alpha"] * 1.1},
        "is not what the layer adds",
    ),
    "no alpha": (
        lambda tensors: {key: value for key, value in tensors.items() if key != "alpha"},
        "is not what the layer adds",
    ),
    "ranks in another order": (
        lambda tensors: {**tensors, "lora_down.weight": tensors["lora_down.weight"].flip(0)},
        "is not what the layer adds",
    ),
    "too large for fp16": (
        lambda tensors: {**tensors, "lora_up.weight": tensors["lora_up.weight"] * 1e6},
        "not finite",
    ),
    "nan": (
        lambda tensors: {**tensors, "lora_up.weight": tensors["lora_up.weight"] * torch.nan},
        "not finite",
    ),
}


@pytest.mark.parametrize("how", SPOILS)
def test_a_file_that_says_something_else_is_not_written(
    bases: dict[Family, Base], tmp_path: Path, how: str
) -> None:
    network, targets = network_on(bases["sd1"], tmp_path)
    path = tmp_path / "a.safetensors"
    lora_file.save(path, network, {}, "fp16", alpha=2.0, targets=targets)
    before = path.read_bytes()
    name = "lora_unet_mid_block_attentions_0_proj_out"
    spoil, words = SPOILS[how]
    layer = network[name]
    assert isinstance(layer, Layer)
    network[name] = Spoilt(layer, spoil)
    with pytest.raises(DataprepError, match=f"{name}: .*{words}"):
        lora_file.save(path, network, {}, "fp16", alpha=2.0, targets=targets)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_damaged_on_the_way_to_the_disk_is_not_taken(
    bases: dict[Family, Base], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, targets = network_on(bases["sd1"], tmp_path)
    write = Path.write_bytes

    def damaged(path: Path, raw: bytes) -> int:
        return write(path, raw[:-100] + bytes([raw[-100] ^ 0x40]) + raw[-99:])

    monkeypatch.setattr(Path, "write_bytes", damaged)
    with pytest.raises(DataprepError, match="not written: lora_"):
        lora_file.save(tmp_path / "a.safetensors", network, {}, "fp16", alpha=2.0, targets=targets)
    assert list(tmp_path.iterdir()) == []


# ΔW as LyCORIS computes it


LINEAR, CONV = nn.Linear(12, 8), nn.Conv2d(12, 8, 3, padding=1)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from((LoConModule, LohaModule, LokrModule)),
    base=st.sampled_from((LINEAR, CONV)),
    dim=st.integers(1, 3),
    alpha=st.floats(0.5, 4),
    options=st.fixed_dictionaries(
        {
            "use_tucker": st.booleans(),
            "decompose_both": st.booleans(),
            "factor": st.sampled_from((-1, 2)),
            "full_matrix": st.booleans(),
        }
    ),
)
def test_the_formulas_are_those_of_lycoris(
    kind: Any, base: nn.Module, dim: int, alpha: float, options: dict[str, Any]
) -> None:
    module = strong(kind("a", base, lora_dim=dim, alpha=alpha, **options))
    own = of_lycoris(module).detach()
    weights = {f"a.{suffix}": value for suffix, value in module.custom_state_dict().items()}
    close(lora_file.dense(weights, "a").detach().reshape(own.shape), own)


@pytest.mark.parametrize("wd_on_out", [True, False])
@pytest.mark.parametrize("base", [LINEAR, CONV])
@pytest.mark.parametrize("kind", [LoConModule, LohaModule])
def test_dora_lengthens_rows_or_columns_as_in_lycoris(
    kind: Any, base: nn.Linear | nn.Conv2d, wd_on_out: bool
) -> None:
    # at alpha = dim, where LyCORIS' second scaling of LoHa changes nothing
    module: Any = strong(
        kind("a", base, lora_dim=2, alpha=2, weight_decompose=True, wd_on_out=wd_on_out)
    )
    weights = {f"a.{suffix}": value for suffix, value in module.custom_state_dict().items()}
    merged = module.get_merged_weight(shape=module.shape)[0]
    close(lora_file.dense(weights, "a", base.weight).detach(), (merged - base.weight).detach())


def test_without_alpha_it_is_dim() -> None:
    weights = {"a.lora_up.weight": torch.ones(3, 2), "a.lora_down.weight": torch.ones(2, 5)}
    assert torch.equal(lora_file.dense(weights, "a"), torch.full((3, 5), 2.0))
    halved = lora_file.dense({**weights, "a.alpha": torch.tensor(1.0)}, "a")
    assert torch.equal(halved, torch.ones(3, 5))


def test_what_no_formula_is_known_for_is_refused() -> None:
    with pytest.raises(DataprepError, match=r"a: no known kind of network \(oft_blocks\)"):
        lora_file.dense({"a.oft_blocks": torch.ones(1)}, "a")
    with pytest.raises(DataprepError, match="a: its tensors do not fit together"):
        lora_file.dense({"a.lora_down.weight": torch.ones(2, 5)}, "a")
    lengths = {"a.lora_up.weight": torch.ones(3, 2), "a.lora_down.weight": torch.ones(2, 5)}
    with pytest.raises(DataprepError, match="depends on the base"):
        lora_file.dense({**lengths, "a.dora_scale": torch.ones(3, 1)}, "a")
