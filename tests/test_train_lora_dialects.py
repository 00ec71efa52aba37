"""LoRA files of other tools, read in the names of ours; and files that are refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_base
import torch
from diffusers.utils import convert_all_state_dict_to_peft, convert_state_dict_to_kohya
from lycoris import kohya as lycoris_kohya
from peft import LoraConfig, get_peft_model_state_dict
from tiny_networks import FAMILIES, KINDS, PIPELINES, base_of, close, network_on, of_lycoris, strong

from dataprep.errors import DataprepError
from train import lora_file, names
from train.families import Family
from train.models.base import Base
from train.targets import Target


@pytest.fixture(scope="module")
def pipeline_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Family], Any]:
    def load(family: Family) -> Any:
        folder = tiny_base.shared(tmp_path_factory, family)
        return PIPELINES[family].from_pretrained(folder)

    return load


@pytest.fixture(scope="module")
def bases(pipeline_of: Callable[[Family], Any]) -> dict[Family, Base]:
    return {family: base_of(pipeline_of(family), family) for family in FAMILIES}


ADAPTED = ["to_q", "to_out.0", "proj_in", "ff.net.0.proj", "conv1", "conv_shortcut", "conv"]
IN_TEXT = ["q_proj", "out_proj", "fc1"]


def with_adapters(pipeline: Any, **values: Any) -> dict[str, LoraConfig]:
    """Give the parts of a pipeline a LoRA of peft's; the settings by part."""
    shared = {"r": 4, "lora_alpha": 2, **values}
    parts = {"unet": ADAPTED, "text_encoder": IN_TEXT, "text_encoder_2": IN_TEXT}
    found = {}
    for part, modules in parts.items():
        module = getattr(pipeline, part, None)
        if module is not None:
            module.requires_grad_(False)
            found[part] = LoraConfig(target_modules=modules, **shared)
            module.add_adapter(found[part])
            strong(module, 0.3)
    return found


def changes_of_peft(pipeline: Any, targets: dict[str, Target]) -> dict[str, torch.Tensor]:
    """ΔW by our names, as peft would merge it."""
    ours = {id(target.module): name for name, target in targets.items()}
    found = {}
    for part in ("unet", "text_encoder", "text_encoder_2"):
        module = getattr(pipeline, part, None)
        for layer in module.modules() if module is not None else ():
            if hasattr(layer, "lora_A"):
                base = layer.get_base_layer()
                before = base.weight.detach().clone()
                layer.merge()
                found[ours[id(base)]] = base.weight.detach() - before
                layer.unmerge()
                base.weight.data.copy_(before)
    return found


PEFT_SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
    "patterns": {"alpha_pattern": {"to_q": 1, "q_proj": 7}, "rank_pattern": {"conv1": 2}},
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("how", PEFT_SETTINGS)
def test_what_diffusers_and_peft_save_is_read_in_our_names(
    pipeline_of: Callable[[Family], Any], tmp_path: Path, family: Family, how: str
) -> None:
    pipeline = pipeline_of(family)
    targets = names.targets(base_of(pipeline, family), convs=True)
    adapters = with_adapters(pipeline, **PEFT_SETTINGS[how])
    layers = {
        f"{part}_lora_layers": get_peft_model_state_dict(getattr(pipeline, part))
        for part in adapters
    }
    about = {f"{part}_lora_adapter_metadata": one.to_dict() for part, one in adapters.items()}
    for values in about.values():
        values["target_modules"] = sorted(values["target_modules"])
    type(pipeline).save_lora_weights(tmp_path, **layers, **about)
    ours = lora_file.read(tmp_path / "pytorch_lora_weights.safetensors", family)
    expected = changes_of_peft(pipeline, targets)
    assert {key.partition(".")[0] for key in ours} == set(expected)
    assert {f"{name}.alpha" for name in expected} <= set(ours)
    for name, change in expected.items():
        base = targets[name].module.weight
        close(lora_file.dense(ours, name, base).reshape(change.shape), change, 1e-4)


def test_kohyas_keys_as_diffusers_converts_them_are_read(
    pipeline_of: Callable[[Family], Any],
) -> None:
    for family in FAMILIES:
        pipeline = pipeline_of(family)
        targets = names.targets(base_of(pipeline, family), convs=True)
        adapters = with_adapters(pipeline)
        packed = {
            f"{part}.{key}": value
            for part in adapters
            for key, value in get_peft_model_state_dict(getattr(pipeline, part)).items()
        }
        theirs = convert_state_dict_to_kohya(convert_all_state_dict_to_peft(packed))
        assert any(key.startswith("lora_te1_") for key in theirs)
        ours = lora_file.canonical(theirs, family)
        expected = changes_of_peft(pipeline, targets)
        assert {key.partition(".")[0] for key in ours} == set(expected)
        for name, change in expected.items():
            # there alpha becomes the rank
            twice = lora_file.dense(ours, name).reshape(change.shape)
            close(twice, 2 * change, 1e-4)


def test_peft_alone_saves_its_settings_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "adapter_model.safetensors"
    inner = "base_model.model.mid_block.attentions.0.proj_in"
    weights = {
        f"{inner}.lora_A.weight": torch.ones(4, 8, 1, 1),
        f"{inner}.lora_B.weight": torch.ones(8, 4, 1, 1),
    }
    lora_file.write(path, weights, {}, "float")
    (tmp_path / "adapter_config.json").write_text(json.dumps({"lora_alpha": 12, "r": 4}))
    ours = lora_file.read(path, "sd1")
    name = "lora_unet_mid_block_attentions_0_proj_in"
    assert ours[f"{name}.alpha"] == 12
    assert lora_file.dense(ours, name).shape == (8, 8, 1, 1)


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
@pytest.mark.parametrize("algo", ["lora", "loha", "lokr"])
def test_what_lycoris_makes_is_read_in_our_names(
    bases: dict[Family, Base], family: Family, algo: str
) -> None:
    base = bases[family]
    encoders = [text.encoder for text in base.texts]
    network: Any = lycoris_kohya.create_network(
        1.0,
        2,
        1.0,
        None,
        encoders if family == "sdxl" else encoders[0],
        base.unet,
        conv_dim=2,
        algo=algo,
        preset="attn-mlp",
    )
    for one in network.loras:
        strong(one)
    theirs = {
        f"{one.lora_name}.{suffix}": value.detach()
        for one in network.loras
        for suffix, value in one.custom_state_dict().items()
    }
    ours = lora_file.canonical(theirs, family)
    targets = names.targets(base, convs=True)
    found = {key.partition(".")[0] for key in ours}
    assert len(found) == len(network.loras) > 20
    # its presets reach for the embeddings, which no network of ours lies on
    assert all("_embedding_linear_" in name for name in found - set(targets))
    found &= set(targets)
    assert any("_text_model_encoder_layers_" in name for name in found)
    by_module = {id(one.org_module[0]): one for one in network.loras}
    for name in found:
        own = of_lycoris(by_module[id(targets[name].module)]).detach()
        close(lora_file.dense(ours, name).reshape(own.shape), own)


SAME_LAYER: list[tuple[Family, str, str]] = [
    ("sd1", key, "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_out_0")
    for key in (
        "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_out_0.lora_up.weight",
        "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_out_0.lora_up.weight",
        "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0.lora_B.weight",
        "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0.lora.up.weight",
        "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora.up.weight",
        "down_blocks.1.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora.up.weight",
        "base_model.model.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0"
        ".lora_B.default.weight",
        "diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_out.0.lora_up.weight",
        "lycoris_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_out_0.lora_up.weight",
    )
]
SAME_LAYER += [
    ("sdxl", key, "lora_unet_output_blocks_2_2_conv")
    for key in (
        "lora_unet_output_blocks_2_2_conv.lora_up.weight",
        "lora_unet_up_blocks_0_upsamplers_0_conv.lora_up.weight",
        "unet.up_blocks.0.upsamplers.0.conv.lora_B.weight",
    )
]
SAME_LAYER += [
    ("sdxl", key, "lora_unet_input_blocks_4_0_skip_connection")
    for key in (
        "lora_unet_down_blocks_1_resnets_0_conv_shortcut.lora_up.weight",
        "unet.down_blocks.1.resnets.0.conv_shortcut.lora.up.weight",
    )
]
SAME_LAYER += [
    ("sd2", key, "lora_te_text_model_encoder_layers_3_self_attn_out_proj")
    for key in (
        "lora_te_text_model_encoder_layers_3_self_attn_out_proj.lora_up.weight",
        "lora_te_encoder_layers_3_self_attn_out_proj.lora_up.weight",
        "lora_te1_text_model_encoder_layers_3_self_attn_out_proj.lora_up.weight",
        "text_encoder.text_model.encoder.layers.3.self_attn.out_proj.lora_B.weight",
        "text_encoder.encoder.layers.3.self_attn.out_proj.lora_linear_layer.up.weight",
        "text_encoder.text_model.encoder.layers.3.self_attn.to_out_lora.up.weight",
        "base_model.model.text_model.encoder.layers.3.self_attn.out_proj.lora_B.weight",
    )
]
SAME_LAYER += [
    ("sdxl", key, "lora_te2_text_model_encoder_layers_3_mlp_fc1")
    for key in (
        "lora_te2_encoder_layers_3_mlp_fc1.lora_up.weight",
        "text_encoder_2.text_model.encoder.layers.3.mlp.fc1.lora_linear_layer.up.weight",
    )
]


@pytest.mark.parametrize(("family", "key", "name"), SAME_LAYER)
def test_every_dialect_means_the_same_layer(family: Family, key: str, name: str) -> None:
    assert set(lora_file.canonical({key: torch.ones(3, 2)}, family)) == {f"{name}.lora_up.weight"}


def test_our_own_names_stay_as_they_are(bases: dict[Family, Base], tmp_path: Path) -> None:
    for family in FAMILIES:
        network, targets = network_on(bases[family], tmp_path, **KINDS["locon"])
        path = tmp_path / "a.safetensors"
        lora_file.save(path, network, {}, "float", alpha=2.0, targets=targets)
        weights, _ = lora_file.load(path)
        again = lora_file.canonical(weights, family)
        assert again.keys() == weights.keys()
        assert all(again[key] is value for key, value in weights.items())


def test_layers_that_no_network_of_ours_lies_on_keep_their_names() -> None:
    keys = ("lora_unet_conv_in.lora_up.weight", "lora_te_text_projection.lora_up.weight")
    for key in keys:
        assert set(lora_file.canonical({key: torch.ones(2, 2)}, "sd1")) == {key}


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (["transformer.single_blocks.0.proj.lora_A.weight"], "no UNet and no text encoder"),
        (["lora_unet_mid_block_attentions_0_proj_in.weird"], "no layout that is known"),
        (["lora_te2_text_model_encoder_layers_0_mlp_fc1.alpha"], "second text encoder"),
        (
            [
                "lora_unet_input_blocks_4_1_proj_in.alpha",
                "lora_unet_down_blocks_1_attentions_0_proj_in.alpha",
            ],
            "two tensors of the LoRA file mean",
        ),
    ],
)
def test_what_cannot_be_read_is_named(keys: list[str], words: str) -> None:
    with pytest.raises(DataprepError, match=words):
        lora_file.canonical({key: torch.ones(()) for key in keys}, "sd1")


@pytest.mark.parametrize("ending", ["pt", "ckpt", "bin"])
def test_pickles_of_tensors_are_read(tmp_path: Path, ending: str) -> None:
    weights = {"lora_unet_a.alpha": torch.tensor(2.0)}
    torch.save(weights, tmp_path / f"a.{ending}")
    torch.save({"state_dict": weights}, tmp_path / f"b.{ending}")
    for name in "ab":
        assert lora_file.load(tmp_path / f"{name}.{ending}") == (weights, {})


class Program:
    """What a pickle may run when it is opened."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.trace,))


def test_a_pickle_that_could_run_a_program_is_refused(tmp_path: Path) -> None:
    torch.save({"a": Program(tmp_path / "ran")}, tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(pickle.dumps(Program(tmp_path / "ran")))
    for name in "ab":
        with pytest.raises(DataprepError, match="could run a program"):
            lora_file.load(tmp_path / f"{name}.pt")
    assert not (tmp_path / "ran").exists()


def test_broken_pickles_are_named(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(100)}, tmp_path / "whole.pt")
    raw = (tmp_path / "whole.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(raw[: len(raw) // 2])
    (tmp_path / "empty.pt").write_bytes(b"")
    torch.save([1, 2], tmp_path / "list.pt")
    for name in ("cut", "empty", "list"):
        with pytest.raises(DataprepError, match=rf"{name}\.pt: "):
            lora_file.load(tmp_path / f"{name}.pt")
