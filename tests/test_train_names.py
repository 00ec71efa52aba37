"""Names of LoRA modules: kohya's, for every family, proved against diffusers' own reader."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import full_base
import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.loaders.lora_conversion_utils import (
    _convert_non_diffusers_lora_to_diffusers,
    _maybe_map_sgm_blocks_to_diffusers,
)
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from train import names
from train.families import Family
from train.models.base import Base, TextPart
from train.names import places
from train.names.places import Place
from train.targets import Target

FAMILIES: tuple[Family, ...] = ("sd1", "sd2", "sdxl")


@pytest.fixture(scope="module")
def bases() -> dict[Family, Base]:
    """Every family in its full size, without the numbers."""
    return {family: _base(family) for family in FAMILIES}


def _base(family: Family) -> Base:
    texts = tuple(TextPart(encoder, None) for encoder in full_base.text_encoders(family))
    return Base(family, full_base.unet(family), texts, torch.ones(1))


def digest(found: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("family", "plain", "with_convs", "text"),
    [
        ("sd1", 192, 278, {"lora_te": 72}),
        ("sd2", 192, 278, {"lora_te": 138}),
        ("sdxl", 722, 788, {"lora_te1": 72, "lora_te2": 192}),
    ],
)
def test_each_family_has_kohyas_modules(
    bases: dict[Family, Base], family: Family, plain: int, with_convs: int, text: dict[str, int]
) -> None:
    base = bases[family]
    assert len(names.unet_targets(base.unet, family)) == plain
    found = names.targets(base, convs=True)
    prefixes = Counter("_".join(name.split("_")[:2]) for name in found)
    assert prefixes == {"lora_unet": with_convs, **text}
    assert all(target.name == name for name, target in found.items())
    assert len({id(target.module) for target in found.values()}) == len(found)


LITERAL: dict[Family, tuple[str, ...]] = {
    "sd1": (
        "lora_unet_down_blocks_0_resnets_0_conv1",
        "lora_unet_down_blocks_0_resnets_0_time_emb_proj",
        "lora_unet_down_blocks_0_attentions_0_proj_in",
        "lora_unet_down_blocks_0_downsamplers_0_conv",
        "lora_unet_down_blocks_1_resnets_0_conv_shortcut",
        "lora_unet_down_blocks_2_attentions_1_transformer_blocks_0_attn2_to_out_0",
        "lora_unet_down_blocks_3_resnets_1_conv2",
        "lora_unet_mid_block_attentions_0_transformer_blocks_0_ff_net_0_proj",
        "lora_unet_mid_block_resnets_1_conv2",
        "lora_unet_up_blocks_0_upsamplers_0_conv",
        "lora_unet_up_blocks_2_upsamplers_0_conv",
        "lora_unet_up_blocks_3_attentions_2_transformer_blocks_0_ff_net_2",
        "lora_unet_up_blocks_3_attentions_2_proj_out",
        "lora_te_text_model_encoder_layers_0_self_attn_q_proj",
        "lora_te_text_model_encoder_layers_11_mlp_fc2",
    ),
    "sd2": (
        "lora_unet_down_blocks_0_attentions_0_proj_in",
        "lora_unet_up_blocks_3_attentions_2_proj_out",
        "lora_te_text_model_encoder_layers_22_mlp_fc2",
    ),
    "sdxl": (
        "lora_unet_input_blocks_1_0_in_layers_2",
        "lora_unet_input_blocks_2_0_out_layers_3",
        "lora_unet_input_blocks_3_0_op",
        "lora_unet_input_blocks_4_0_skip_connection",
        "lora_unet_input_blocks_4_1_proj_in",
        "lora_unet_input_blocks_5_1_transformer_blocks_1_attn2_to_out_0",
        "lora_unet_input_blocks_6_0_op",
        "lora_unet_input_blocks_8_1_transformer_blocks_9_ff_net_2",
        "lora_unet_middle_block_0_emb_layers_1",
        "lora_unet_middle_block_1_transformer_blocks_9_ff_net_0_proj",
        "lora_unet_middle_block_2_out_layers_3",
        "lora_unet_output_blocks_0_1_transformer_blocks_0_attn1_to_q",
        "lora_unet_output_blocks_2_2_conv",
        "lora_unet_output_blocks_5_2_conv",
        "lora_unet_output_blocks_5_1_proj_out",
        "lora_unet_output_blocks_8_0_skip_connection",
        "lora_te1_text_model_encoder_layers_11_self_attn_out_proj",
        "lora_te2_text_model_encoder_layers_31_mlp_fc1",
    ),
}
CHECKSUMS = {"sd1": "44edcda39c262433", "sd2": "22bce914ca3c4d0c", "sdxl": "231dc80db7c1b20b"}
PARENTS = {"Transformer2DModel", "ResnetBlock2D", "Downsample2D", "Upsample2D"}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_names_are_kohyas_to_the_letter(bases: dict[Family, Base], family: Family) -> None:
    found = names.targets(bases[family], convs=True)
    assert [name for name in LITERAL[family] if name not in found] == []
    assert digest(found) == CHECKSUMS[family]
    never = ("conv_in", "conv_out", "time_embedding", "add_embedding", "norm", "position")
    assert not [name for name in found if any(word in name for word in never)]


@pytest.mark.parametrize("family", ["sd1", "sd2"])
def test_they_are_what_kohyas_rule_makes_of_the_paths_of_modules(
    bases: dict[Family, Base], family: Family
) -> None:
    unet = bases[family].unet
    by_rule = {
        f"lora_unet_{path}_{inner}".replace(".", "_"): child
        for path, parent in unet.named_modules()
        if type(parent).__name__ in PARENTS
        for inner, child in parent.named_modules()
        if isinstance(child, nn.Linear | nn.Conv2d)
    }
    found = names.unet_targets(unet, family, convs=True)
    assert {name: target.module for name, target in found.items()} == by_rule


def test_every_name_of_sdxl_is_read_by_diffusers_as_the_layer_it_is_of(
    bases: dict[Family, Base],
) -> None:
    base = bases["sdxl"]
    found = names.targets(base, convs=True)
    with torch.device("meta"):
        weights = {
            f"{name}.{suffix}": torch.zeros(1)
            for name in found
            for suffix in ("lora_down.weight", "lora_up.weight")
        }
    mapped = _maybe_map_sgm_blocks_to_diffusers(dict(weights), base.unet.config)
    converted, alphas = _convert_non_diffusers_lora_to_diffusers(mapped)
    assert alphas == {}
    read = {_path(key) for key in converted if key.endswith("down.weight")}
    assert read == _paths(base, found)


def _paths(base: Base, found: dict[str, Target]) -> set[str]:
    """Where the targets lie in the modules themselves, in the layout with ``text_model``."""
    wanted = {id(target.module) for target in found.values()}
    parts = {"unet": base.unet, "text_encoder": base.texts[0].encoder}
    parts["text_encoder_2"] = base.texts[1].encoder
    return {
        f"{part}.{path}".replace("encoder.encoder.", "encoder.text_model.encoder.")
        for part, module in parts.items()
        for path, child in module.named_modules()
        if id(child) in wanted
    }


def _path(key: str) -> str:
    """diffusers' key as the path of a module; attention is called as its processors once did."""
    path = key.replace(".lora.down.weight", "").replace(".lora_linear_layer.down.weight", "")
    path = path.replace("_lora.down.weight", "").replace(".processor", "")
    if path.startswith("text_encoder"):
        for kind in ("q", "k", "v", "out"):
            path = path.replace(f"self_attn.to_{kind}", f"self_attn.{kind}_proj")
        return path
    return path + ".0" if path.endswith(".to_out") else path


def test_both_layouts_of_the_text_encoder_give_the_same_names(bases: dict[Family, Base]) -> None:
    first, second = (text.encoder for text in bases["sdxl"].texts)
    flat = names.text_encoder_targets(first, "lora_te", "text_encoder")
    assert list(flat)[:7] == [
        "lora_te_text_model_encoder_layers_0_self_attn_q_proj",
        "lora_te_text_model_encoder_layers_0_self_attn_k_proj",
        "lora_te_text_model_encoder_layers_0_self_attn_v_proj",
        "lora_te_text_model_encoder_layers_0_self_attn_out_proj",
        "lora_te_text_model_encoder_layers_0_mlp_fc1",
        "lora_te_text_model_encoder_layers_0_mlp_fc2",
        "lora_te_text_model_encoder_layers_1_self_attn_q_proj",
    ]
    nested: Any = SimpleNamespace(text_model=getattr(first, "text_model", first))
    bare: Any = getattr(second, "text_model", second)
    assert names.text_encoder_targets(nested, "lora_te", "text_encoder") == flat
    under = names.text_encoder_targets(second, "lora_te2", "text_encoder_2")
    assert names.text_encoder_targets(bare, "lora_te2", "text_encoder_2") == under
    assert {target.part for target in under.values()} == {"text_encoder_2"}


def test_only_parts_that_learn_are_walked(bases: dict[Family, Base]) -> None:
    assert len(names.targets(bases["sdxl"], parts=("text_encoder_2",))) == 192
    assert len(names.targets(bases["sdxl"], parts=("unet", "text_encoder"))) == 722 + 72
    assert len(names.targets(bases["sd1"], parts=("text_encoder", "text_encoder_2"))) == 72


def test_sd2_writes_its_projections_as_convolutions(bases: dict[Family, Base]) -> None:
    found = names.targets(bases["sd2"])
    shaped = {name for name, target in found.items() if target.as_conv}
    assert len(shaped) == 32
    assert {name.rsplit("_", 2)[1] for name in shaped} == {"proj"}
    assert all(isinstance(found[name].module, nn.Linear) for name in shaped)
    for family in ("sd1", "sdxl"):
        assert not any(target.as_conv for target in names.targets(bases[family]).values())


@pytest.mark.parametrize(
    ("family", "name", "block"),
    [
        ("sd1", "down_blocks_0_attentions_0_proj_in", 1),
        ("sd1", "down_blocks_0_attentions_1_proj_in", 2),
        ("sd1", "down_blocks_0_downsamplers_0_conv", 3),
        ("sd1", "down_blocks_3_resnets_1_conv1", 11),
        ("sd1", "mid_block_resnets_1_conv1", 12),
        ("sd1", "mid_block_attentions_0_proj_in", 12),
        ("sd1", "up_blocks_0_resnets_0_conv1", 13),
        ("sd1", "up_blocks_0_resnets_2_conv1", 15),
        ("sd1", "up_blocks_0_upsamplers_0_conv", 15),
        ("sd2", "up_blocks_3_attentions_2_proj_out", 24),
        ("sdxl", "input_blocks_1_0_in_layers_2", 2),
        ("sdxl", "input_blocks_3_0_op", 4),
        ("sdxl", "input_blocks_8_1_proj_in", 9),
        ("sdxl", "middle_block_0_in_layers_2", 10),
        ("sdxl", "middle_block_1_proj_in", 11),
        ("sdxl", "middle_block_2_in_layers_2", 12),
        ("sdxl", "output_blocks_0_1_proj_in", 13),
        ("sdxl", "output_blocks_2_2_conv", 15),
        ("sdxl", "output_blocks_8_0_in_layers_2", 21),
    ],
)
def test_blocks_are_counted_as_sd_scripts_counts_them(
    bases: dict[Family, Base], family: Family, name: str, block: int
) -> None:
    found = names.targets(bases[family], convs=True)
    assert found[f"lora_unet_{name}"].block == block


@pytest.mark.parametrize("family", FAMILIES)
def test_every_unet_layer_has_a_block_and_no_text_layer_has(
    bases: dict[Family, Base], family: Family
) -> None:
    base = bases[family]
    blocks = {"unet": set[Any](), "text_encoder": set[Any](), "text_encoder_2": set[Any]()}
    for target in names.targets(base, convs=True).values():
        blocks[target.part].add(target.block)
    # what is missing is conv_in, and in SDXL the embeddings and conv_out
    assert blocks["unet"] == set(range(2, 22) if family == "sdxl" else range(1, 25))
    assert blocks["text_encoder"] | blocks["text_encoder_2"] == {None}


def test_other_depths_are_walked_as_well() -> None:
    with torch.device("meta"):
        unet = UNet2DConditionModel(
            block_out_channels=(32, 32),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            layers_per_block=1,
            transformer_layers_per_block=3,
            mid_block_type=None,
            cross_attention_dim=32,
        )
    found = names.unet_targets(unet, "sdxl", convs=True)
    assert len({id(target.module) for target in found.values()}) == len(found)
    assert "lora_unet_input_blocks_3_1_transformer_blocks_2_ff_net_2" in found
    assert "lora_unet_input_blocks_2_0_op" in found
    assert "lora_unet_output_blocks_1_2_conv" in found
    assert not any("middle" in name for name in found)


PLACES = st.one_of(
    st.builds(Place, st.just("mid"), st.just(0), st.just("resnets"), st.integers(0, 1)),
    st.just(Place("mid", 0, "attentions", 0)),
    st.builds(
        Place,
        st.sampled_from(("down", "up")),
        st.integers(0, 3),
        st.sampled_from(("resnets", "attentions")),
        st.integers(0, 1),
    ),
    st.builds(Place, st.just("down"), st.integers(0, 3), st.just("downsamplers"), st.just(0)),
    st.builds(Place, st.just("up"), st.integers(0, 3), st.just("upsamplers"), st.just(0)),
)
ROLES = {
    "resnets": ("conv1", "conv2", "time_emb_proj", "conv_shortcut"),
    "attentions": ("proj_in", "transformer_blocks_0_attn1_to_q"),
    "downsamplers": ("conv",),
    "upsamplers": ("conv",),
}


@given(place=PLACES, family=st.sampled_from(FAMILIES), attends=st.booleans(), data=st.data())
def test_a_name_can_be_read_back_in_either_dialect(
    place: Place, family: Family, attends: bool, data: st.DataObject
) -> None:
    role = data.draw(st.sampled_from(ROLES[place.kind]))
    name = places.unet_name(family, place, role, attends=attends)
    assert places.parse(name.removeprefix("lora_unet_")) == (place, role)


@pytest.mark.parametrize("name", ["conv_in", "input_blocks_0_0", "time_embed_0", "out_2"])
def test_what_no_network_lies_on_has_no_place(name: str) -> None:
    assert places.parse(name) is None
