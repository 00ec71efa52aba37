"""From settings to a network: ranks, alphas, learning rates, and going on from a file."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, get_args

import pytest
import tiny_base
import torch
from tiny_layers import NAME, alone, base_of, config, strengthen

from dataprep.errors import DataprepError, UsageError
from train import models, names, networks
from train.config import TrainConfig
from train.families import FAMILIES, Family
from train.networks import rates
from train.networks.dylora import DyLoRALayer
from train.networks.kinds import dropouts_of
from train.networks.lora import LoRALayer
from train.networks.network import Network
from train.networks.ranks import is_in_conv_block, ranks
from train.targets import Targets

Bases = dict[Family, models.Base]


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    return {
        family: models.load(
            models.Source(str(tiny_base.shared(tmp_path_factory, family=family))),
            torch.device("cpu"),
        )
        for family in FAMILIES
    }


def targets(base: models.Base, convs: bool = True) -> Targets:
    return names.targets(base, convs=convs)


def refusal(**values: Any) -> str:
    with pytest.raises(UsageError) as caught:
        ranks(config(**values), {}, "sd1")
    return str(caught.value)


# Ranks


@pytest.mark.parametrize("family", FAMILIES)
def test_without_convolutions_only_attention_and_text_get_layers(
    bases: Bases, family: Family
) -> None:
    everything, narrow = targets(bases[family]), targets(bases[family], convs=False)
    assert len(narrow) < len(everything)
    sizes = ranks(config(network_dim=4, network_alpha=2), everything, family)
    assert list(sizes) == [name for name in everything if name in narrow]
    assert set(sizes.values()) == {(4, 2.0)}
    assert {name for name in everything if is_in_conv_block(name)} == set(everything) - set(narrow)


@pytest.mark.parametrize("family", FAMILIES)
def test_kernels_take_conv_dim_and_all_else_network_dim(bases: Bases, family: Family) -> None:
    everything = targets(bases[family])
    sizes = ranks(config(network_dim=8, network_alpha=4, conv_dim=2), everything, family)
    assert set(sizes) == set(everything)
    for name, target in everything.items():
        assert sizes[name] == ((2, 1.0) if target.is_conv3 else (8, 4.0)), name
    kinds = Counter(target.is_conv3 for target in everything.values())
    assert kinds[True] > 5
    assert any(
        target.module.weight.ndim == 4 and not target.is_conv3 for target in everything.values()
    )


@pytest.mark.parametrize(
    ("values", "size"),
    [
        ({"network_type": "locon"}, (8, 4.0)),
        ({"network_type": "locon", "conv_dim": 2}, (2, 1.0)),
        ({"conv_dim": 2, "conv_alpha": 0.5}, (2, 0.5)),
        ({"conv_dim": 2, "compat": "kohya"}, (2, 1.0)),
        ({"conv_dim": 6, "compat": "kohya"}, (6, 1.0)),
        ({"network_type": "loha", "conv_dim": 2}, (2, 1.0)),
    ],
)
def test_rank_and_alpha_of_kernels(values: dict[str, Any], size: tuple[int, float]) -> None:
    base, _ = base_of("3×3")
    _, on = alone(LoRALayer(base, 1, 1.0), base)
    assert ranks(config(network_dim=8, network_alpha=4, **values), on, "sd1") == {NAME: size}


def test_blocks_have_ranks_and_alphas_of_their_own(bases: Bases) -> None:
    everything = targets(bases["sd1"])
    sizes = ranks(
        config(
            block_dims=[0, 0, *range(2, 25)],
            block_alphas=[number / 2 for number in range(25)],
            conv_block_dims=[number % 3 for number in range(25)],
            network_dim=7,
            network_alpha=3.5,
        ),
        everything,
        "sd1",
    )
    blocks = {target.block for target in everything.values()}
    assert len(blocks) > 5
    for name, target in everything.items():
        if target.block is None:
            assert sizes[name] == (7, 3.5)
            continue
        number = target.block
        dim = number % 3 if target.is_conv3 else number * (number > 1)
        alpha = dim / 2 if target.is_conv3 else number / 2
        assert sizes.get(name) == ((dim, alpha) if dim else None), name


def test_lists_of_a_wrong_length_are_refused_with_both_counts() -> None:
    assert "block_dims has 3 entries; Stable Diffusion 1 has 25 blocks" in refusal(
        block_dims=[1, 2, 3]
    )
    assert "conv_block_alphas has 1 entries" in refusal(conv_block_alphas=[1], conv_dim=2)
    assert "down_lr_weight has 2 entries; Stable Diffusion 1 needs 12" in refusal(
        down_lr_weight=["1", "0"]
    )
    assert "mid_lr_weight: 'sine' is neither" in refusal(mid_lr_weight="sine")
    assert "up_lr_weight: 'steep' is neither" in refusal(up_lr_weight="steep")
    assert "'high' is neither" in refusal(up_lr_weight="sine+high")
    assert "'-1' is neither" in refusal(up_lr_weight=["-1"] * 12)


# Rates


def test_curves_are_kohyas() -> None:
    factors = rates.block_factors(
        config(down_lr_weight="sine", mid_lr_weight="0.5", up_lr_weight="cosine+.25"), "sd1"
    )
    assert factors is not None
    assert factors[:3] == pytest.approx((0, 0.142315, 0.281733), abs=1e-6)
    assert factors[11:13] == (1.0, 0.5)
    assert factors[13] == 1.25
    assert factors[-1] == 0.25
    sdxl = rates.block_factors(
        config(down_lr_weight="linear", up_lr_weight="reverse_linear+0.5"), "sdxl"
    )
    ramp = [number / 8 for number in range(9)]
    assert sdxl == pytest.approx([1, *ramp, 1, 1, 1, *(1.5 - value for value in ramp), 1])
    assert rates.block_factors(config(), "sd1") is None


def test_blocks_at_or_below_the_threshold_get_no_layers(bases: Bases) -> None:
    everything = targets(bases["sd1"])
    settings = config(down_lr_weight="linear", block_lr_zero_threshold=0.5)
    factors = rates.block_factors(settings, "sd1")
    assert factors is not None
    assert factors[:12].count(0.0) == 6
    network = networks.create(settings, everything, "sd1")
    blocks = {everything[name].block for name in network}
    assert all(block is None or factors[block] > 0 for block in blocks)
    assert {target.block for target in everything.values()} - blocks
    assert all(group["lr"] > 0 for group in rates.groups(settings, network, everything))


def summary(groups: list[dict[str, Any]]) -> dict[str, tuple[str, float, int]]:
    assert all(group["base_lr"] == group["lr"] for group in groups)
    return {group["name"]: (group["part"], group["lr"], len(group["params"])) for group in groups}


def test_groups_by_part_hold_every_parameter_once(bases: Bases) -> None:
    everything = targets(bases["sdxl"])
    settings = config(unet_lr=1e-4, text_encoder_lr=5e-5, text_encoder2_lr=2e-5)
    network = networks.create(settings, everything, "sdxl")
    groups = rates.groups(settings, network, everything)
    counts = Counter(everything[name].part for name in network)
    assert summary(groups) == {
        "unet": ("unet", 1e-4, 2 * counts["unet"]),
        "text_encoder": ("text_encoder", 5e-5, 2 * counts["text_encoder"]),
        "text_encoder_2": ("text_encoder_2", 2e-5, 2 * counts["text_encoder_2"]),
    }
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(grouped) == sorted(id(parameter) for parameter in network.parameters())


def test_lora_plus_and_block_factors_split_the_groups(bases: Bases) -> None:
    everything = targets(bases["sd1"])
    settings = config(
        unet_lr=1e-4, loraplus_lr_ratio=16, loraplus_text_encoder_lr_ratio=4, mid_lr_weight="0.5"
    )
    network = networks.create(settings, everything, "sd1")
    groups = summary(rates.groups(settings, network, everything))
    assert groups["text_encoder+"][1] == pytest.approx(4 * groups["text_encoder"][1])
    assert groups["unet 12"][:2] == ("unet", pytest.approx(0.5e-4))
    assert groups["unet 12+"][:2] == ("unet", pytest.approx(8e-4))
    assert groups["unet 12+"][2] == groups["unet 12"][2]
    fast = {id(layer.lora_up) for _, layer in network.layers() if isinstance(layer, LoRALayer)}
    made = rates.groups(settings, network, everything)
    assert fast == {id(p) for group in made if group["name"].endswith("+") for p in group["params"]}


# Networks


def test_rs_lora_scales_by_the_root_of_the_rank(bases: Bases) -> None:
    everything = targets(bases["sd1"], convs=False)
    plain = networks.create(config(network_dim=16, network_alpha=4), everything, "sd1")
    rooted = networks.create(
        config(network_dim=16, network_alpha=4, rs_lora=True), everything, "sd1"
    )
    assert {layer.scale for _, layer in plain.layers()} == {0.25}
    assert {layer.scale for _, layer in rooted.layers()} == {1.0}
    strengthen(rooted)
    again = networks.from_weights(everything, rooted.to_file(4.0))
    same(again, rooted)


def test_a_layer_is_drawn_by_its_name_alone(bases: Bases) -> None:
    everything = targets(bases["sd1"], convs=False)
    text = {name: target for name, target in everything.items() if target.part != "unet"}
    whole = networks.create(config(), everything, "sd1").state_dict()
    part = networks.create(config(), text, "sd1").state_dict()
    assert part
    assert all(torch.equal(value, whole[key]) for key, value in part.items())


def test_options_reach_the_layers() -> None:
    base, _ = base_of("linear")
    _, on = alone(LoRALayer(base, 1, 1.0), base)
    layer = networks.create(
        config(network_type="dylora", network_dim=6, unit=3, module_dropout=0.5), on, "sd1"
    )[NAME]
    assert isinstance(layer, DyLoRALayer)
    assert (layer.unit, layer.dropouts.modules) == (3, 0.5)
    assert dropouts_of(config(rank_dropout=0.1, compat="kohya")).ranks_scaled
    with pytest.raises(UsageError, match="rank_dropout = 1 leaves nothing"):
        networks.create(config(rank_dropout=1), on, "sd1")
    odd = config(network_type="dylora", network_dim=4, unit=2, block_dims=[3] * 25)
    with pytest.raises(UsageError, match="no multiple of unit"):
        networks.create(odd, on, "sd1")


def test_the_file_says_which_module_reads_it() -> None:
    said = {
        kind: networks.files_module(config(network_type=kind))
        for kind in ("lora", "locon", "loha", "dylora")
    }
    assert said == {
        "lora": "networks.lora",
        "locon": "networks.lora",
        "loha": "lycoris.kohya",
        "dylora": "networks.dylora",
    }
    assert networks.files_module(config(dora_wd=True)) == "lycoris.kohya"


# Going on from a file


def same(one: Network, other: Network) -> None:
    """Both have the same layers with the same ΔW."""
    assert list(one) == list(other)
    for (_, mine), (name, theirs) in zip(one.layers(), other.layers(), strict=True):
        expected = theirs.delta()
        assert expected.abs().max() > 0, name
        torch.testing.assert_close(
            mine.delta(), expected, rtol=1e-4, atol=1e-6 * float(expected.abs().max()) + 1e-6
        )


KINDS: list[dict[str, Any]] = [
    {"network_type": "lora"},
    {"network_type": "locon", "conv_dim": 2},
    {"network_type": "loha", "conv_dim": 2},
    {"network_type": "dylora", "unit": 2, "conv_dim": 2},
    {"network_type": "locon", "dora_wd": True},
    {"network_type": "lora", "rs_lora": True, "conv_dim": 2, "conv_alpha": 0.3},
]


@pytest.mark.parametrize("values", KINDS, ids=lambda values: "-".join(map(str, values.values())))
@pytest.mark.parametrize("family", FAMILIES)
def test_delta_survives_the_file_and_going_on(
    bases: Bases, family: Family, values: dict[str, Any]
) -> None:
    everything = targets(bases[family])
    settings = config(network_dim=4, network_alpha=2, **values)
    network = networks.create(settings, everything, family)
    strengthen(network)
    written = network.to_file(alpha=3.0)
    assert {float(value) for key, value in written.items() if key.endswith(".alpha")} == {3.0}
    if family == "sd2":
        written = as_kohya_writes(written, everything)
    same(networks.from_weights(everything, written), network)
    # other alphas and scales in the settings change what a rate means, not what is there
    for more in ({}, {"network_alpha": 0.7}, {"rs_lora": not settings.rs_lora}):
        other = config(**{"network_dim": 4, "network_alpha": 2, **values, **more})
        again = networks.continue_from(other, everything, family, written)
        same(again, network)
        assert again.family == family


def as_kohya_writes(written: dict[str, torch.Tensor], on: Targets) -> dict[str, torch.Tensor]:
    """SD2's linear proj_in and proj_out are 1×1 convolutions in files."""
    flat = [
        key
        for key, value in written.items()
        if on[key.partition(".")[0]].as_conv and value.ndim == 2
    ]
    assert flat
    return written | {key: written[key][:, :, None, None] for key in flat if "hada" not in key}


def test_dim_from_weights_takes_ranks_alphas_and_modules_of_the_file(bases: Bases) -> None:
    everything = targets(bases["sd1"])
    network = networks.create(
        config(network_dim=3, network_alpha=1, block_dims=[0] * 12 + [5] * 13), everything, "sd1"
    )
    strengthen(network)
    settings = config(network_dim=16, dim_from_weights=True, network_weights="a.safetensors")
    written = network.to_file(alpha=1.5)
    again = networks.continue_from(settings, everything, "sd1", written)
    same(again, network)
    assert {layer.scale for _, layer in again.layers()} == {1.5 / 3, 1.5 / 5}
    text_only = {key: value for key, value in written.items() if key.startswith("lora_te")}
    with pytest.raises(UsageError, match="nothing on unet, which has a learning rate"):
        networks.continue_from(settings, everything, "sd1", text_only)


def test_going_on_begins_anew_where_the_file_has_nothing(bases: Bases) -> None:
    everything = targets(bases["sd1"], convs=False)
    settings = config()
    network = networks.create(settings, everything, "sd1")
    strengthen(network)
    written = {k: v for k, v in network.to_file(2.0).items() if k.startswith("lora_unet")}
    again = networks.continue_from(settings, everything, "sd1", written)
    fresh = networks.create(settings, everything, "sd1")
    assert list(again) == list(fresh)
    for name, layer in again.layers():
        expected = network[name] if name.startswith("lora_unet") else fresh[name]
        torch.testing.assert_close(layer.delta(), expected.delta(), rtol=1e-5, atol=1e-6)


def test_a_lora_goes_on_as_dora_without_a_jump(bases: Bases) -> None:
    everything = targets(bases["sd1"])
    network = networks.create(config(network_type="locon"), everything, "sd1")
    strengthen(network)
    settings = config(network_type="locon", dora_wd=True)
    same(networks.continue_from(settings, everything, "sd1", network.to_file(2.0)), network)


def test_what_does_not_agree_with_the_settings_is_refused_by_name(bases: Bases) -> None:
    everything = targets(bases["sd1"])
    written = networks.create(config(network_type="locon"), everything, "sd1").to_file(2.0)
    unet = {name: target for name, target in everything.items() if target.part == "unet"}
    cases: list[tuple[dict[str, Any], Targets, str]] = [
        (
            {"network_type": "locon", "network_dim": 8},
            everything,
            "has rank 4 on .* the settings say 8",
        ),
        (
            {"network_type": "lora"},
            everything,
            "learned lora_unet_.*, which these settings leave out",
        ),
        ({"network_type": "locon"}, unet, "has lora_te_.*, which is no part of what is learned"),
        ({"network_type": "loha", "conv_dim": 4}, everything, "is a LoRA there, and a LoHa by"),
    ]
    for values, on, message in cases:
        with pytest.raises(UsageError, match=message):
            networks.continue_from(config(**values), on, "sd1", written)
    broken = {**written, f"{next(iter(everything))}.lora_up.weight": torch.ones(3, 4, 1, 1)}
    with pytest.raises(DataprepError, match=r"is \(3, 4, 1, 1\) where"):
        networks.continue_from(config(network_type="locon"), everything, "sd1", broken)


# Files


def one(kind: str = "linear", **values: Any) -> tuple[dict[str, torch.Tensor], Targets]:
    base, _ = base_of(kind)
    _, on = alone(LoRALayer(base, 1, 1.0), base)
    settings = config(network_type="locon", **values)
    return networks.create(settings, on, "sd1").to_file(2.0), on


def test_weights_that_fit_nothing_are_named() -> None:
    written, on = one()
    for more, message in (
        ({"lora_unet_elsewhere.alpha": torch.ones(())}, "lora_unet_elsewhere fits no layer"),
        ({f"{NAME}.lora_up.weight": torch.ones(8, 4)}, r"is \(8, 4\) where \(20, 4\) is needed"),
        ({f"{NAME}.hada_w1_a": torch.ones(())}, "both a LoRA and a LoHa"),
        ({f"{NAME}.bias": torch.ones(())}, "has bias, which is not read"),
    ):
        with pytest.raises(ValueError, match=message):
            networks.from_weights(on, {**written, **more})
    del written[f"{NAME}.lora_up.weight"]
    with pytest.raises(ValueError, match=r"lacks lora_up\.weight"):
        networks.from_weights(on, written)
    for mark, kind in (("diff", "a full difference"), ("on_input", "(IA)³")):
        with pytest.raises(ValueError, match=re.escape(f"{NAME} is {kind}, which is not read")):
            networks.from_weights(on, {f"{NAME}.{mark}": torch.ones(2, 2)})


def test_without_alpha_it_is_the_rank() -> None:
    written, on = one()
    del written[f"{NAME}.alpha"]
    assert networks.from_weights(on, written)[NAME].scale == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_merging_adds_delta_to_the_base_in_full_precision(dtype: torch.dtype) -> None:
    base = base_of("3×3")[0].to(dtype)
    before = base.weight.detach().clone()
    network, on = alone(LoRALayer(base, 3, 1.0), base)
    strengthen(network)
    networks.merge(on, network.to_file(3.0), 0.4)
    assert base.weight.dtype == dtype
    expected = (before.float() + 0.4 * network[NAME].delta()).to(dtype)
    torch.testing.assert_close(base.weight, expected)
    with pytest.raises(DataprepError, match="base_weights: lora_unet_x fits no layer"):
        networks.merge(on, {"lora_unet_x.alpha": torch.ones(())}, 1.0)


def test_every_network_type_of_the_settings_can_be_made() -> None:
    kinds = get_args(TrainConfig.model_fields["network_type"].annotation)
    assert set(kinds) == set(networks.NETWORKS)
