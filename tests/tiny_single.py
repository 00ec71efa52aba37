"""The tiny base models in one file of the original format, as programs other than ours write it.

The names are counted up block by block, as latent diffusion builds its UNet, not computed from
numbers of blocks: a check on the trainer's own table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from tests import tiny_base
from train.families import Family
from train.models import Source

States = dict[str, torch.Tensor]
Pairs = list[tuple[str, str]]
Folders = dict[Family, Path]
Files = dict[tuple[Family, str], Path]

PREDICTIONS: dict[Family, str] = {"sd1": "epsilon", "sd2": "v_prediction", "sdxl": "epsilon"}


def folders(factory: pytest.TempPathFactory) -> Folders:
    """A folder of each family."""
    return {
        family: tiny_base.shared(factory, family, prediction)
        for family, prediction in PREDICTIONS.items()
    }


def files(factory: pytest.TempPathFactory) -> Files:
    """The same in one file, of both kinds; written once for all tests of a session."""
    found = {}
    for family, folder in folders(factory).items():
        for end in ("safetensors", "ckpt"):
            path = folder.with_name(f"{folder.name}_single.{end}")
            found[family, end] = path if path.exists() else write(folder, path, family)
    return found


def in_file(path: Path, folder: Path, **values: Any) -> Source:
    """A base in one file, as small as the folder's configs say."""
    return Source(str(path), config_dir=folder, **values)


def write(
    folder: Path,
    target: Path,
    family: Family = "sd1",
    *,
    more: Mapping[str, torch.Tensor] | None = None,
    metadata: Mapping[str, str] | None = None,
    without: tuple[str, ...] = (),
    dtype: torch.dtype = torch.float32,
    **outside: Any,
) -> Path:
    """The model of a diffusers folder as a .safetensors or .ckpt file.

    ``more`` are tensors added, ``without`` beginnings of names left out; ``outside`` lies beside
    the weights of a .ckpt.
    """
    states = {name: tensor.to(dtype) for name, tensor in states_of(folder, family).items()}
    states |= more or {}
    states = {name: it for name, it in states.items() if not name.startswith(without or ("\n",))}
    if target.suffix == ".ckpt":
        torch.save({"state_dict": states, **outside}, target)
    else:
        save_file({k: v.contiguous() for k, v in states.items()}, target, dict(metadata or {}))
    return target


def states_of(folder: Path, family: Family) -> States:
    """All tensors of a whole model by their original names."""
    unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet")
    vae = AutoencoderKL.from_pretrained(folder, subfolder="vae")
    return {
        **below("model.diffusion_model.", unet_states(unet)),
        **below("first_stage_model.", vae_states(vae)),
        **texts_of(folder, family),
    }


def texts_of(folder: Path, family: Family) -> States:
    """The text encoders; SD2's with the last layer that it does not use."""
    first = CLIPTextModel.from_pretrained(folder, subfolder="text_encoder")
    if family == "sd1":
        return below("cond_stage_model.transformer.", clip_states(first))
    if family == "sd2":
        return below("cond_stage_model.model.", open_clip_states(first, spare=True))
    second = CLIPTextModelWithProjection.from_pretrained(folder, subfolder="text_encoder_2")
    return {
        **below("conditioner.embedders.0.transformer.", clip_states(first)),
        **below("conditioner.embedders.1.model.", open_clip_states(second)),
    }


def below(prefix: str, states: States) -> States:
    return {prefix + name: tensor for name, tensor in states.items()}


def unet_states(unet: Any) -> States:
    pairs = [*_unet_ends(), *_inputs(unet), *_middle(), *_outputs(unet)]
    return _renamed(unet.state_dict(), pairs, _unet_part)


def vae_states(vae: Any) -> States:
    pairs = [*_encoder(vae), *_decoder(vae)]
    states = _renamed(vae.state_dict(), pairs, _vae_part)
    # attention there is made of 1×1 convolutions
    return {
        name: tensor[..., None, None] if "attn_1" in name and tensor.dim() == 2 else tensor
        for name, tensor in states.items()
    }


def clip_states(encoder: Any) -> States:
    """As older transformers write it, table of positions and all."""
    states = {
        f"text_model.{name.removeprefix('text_model.')}": tensor
        for name, tensor in encoder.state_dict().items()
    }
    return states | {"text_model.embeddings.position_ids": torch.arange(77)[None]}


def open_clip_states(encoder: Any, spare: bool = False) -> States:
    own = {n.removeprefix("text_model."): t for n, t in encoder.state_dict().items()}
    width = own["final_layer_norm.weight"].shape[0]
    states = {
        "positional_embedding": own["embeddings.position_embedding.weight"],
        "token_embedding.weight": own["embeddings.token_embedding.weight"],
        "ln_final.weight": own["final_layer_norm.weight"],
        "ln_final.bias": own["final_layer_norm.bias"],
        "text_projection": own.get("text_projection.weight", torch.ones(width, width)).T,
        "logit_scale": torch.tensor(4.6),
    }
    layers = encoder.config.num_hidden_layers
    for number in range(layers):
        states |= below(f"transformer.resblocks.{number}.", dict(_open_clip_layer(own, number)))
    if spare:
        last = {name: 2 * tensor for name, tensor in _open_clip_layer(own, layers - 1)}
        states |= below(f"transformer.resblocks.{layers}.", last)
    return states


def _open_clip_layer(own: States, number: int) -> Iterator[tuple[str, torch.Tensor]]:
    for end in ("weight", "bias"):
        layer = f"encoder.layers.{number}"
        three = [own[f"{layer}.self_attn.{which}_proj.{end}"] for which in "qkv"]
        yield f"attn.in_proj_{end}", torch.cat(three)
        yield f"attn.out_proj.{end}", own[f"{layer}.self_attn.out_proj.{end}"]
        yield f"ln_1.{end}", own[f"{layer}.layer_norm1.{end}"]
        yield f"ln_2.{end}", own[f"{layer}.layer_norm2.{end}"]
        yield f"mlp.c_fc.{end}", own[f"{layer}.mlp.fc1.{end}"]
        yield f"mlp.c_proj.{end}", own[f"{layer}.mlp.fc2.{end}"]


def _unet_ends() -> Pairs:
    return [
        ("time_embedding.linear_1.", "time_embed.0."),
        ("time_embedding.linear_2.", "time_embed.2."),
        ("add_embedding.linear_1.", "label_emb.0.0."),
        ("add_embedding.linear_2.", "label_emb.0.2."),
        ("conv_in.", "input_blocks.0.0."),
        ("conv_norm_out.", "out.0."),
        ("conv_out.", "out.2."),
    ]


def _inputs(unet: Any) -> Iterator[tuple[str, str]]:
    count = 1
    for number, block in enumerate(unet.down_blocks):
        attends = hasattr(block, "attentions")
        for index in range(len(block.resnets)):
            yield f"down_blocks.{number}.resnets.{index}.", f"input_blocks.{count}.0."
            if attends:
                yield f"down_blocks.{number}.attentions.{index}.", f"input_blocks.{count}.1."
            count += 1
        if block.downsamplers:
            yield f"down_blocks.{number}.downsamplers.0.conv.", f"input_blocks.{count}.0.op."
            count += 1


def _middle() -> Pairs:
    return [
        ("mid_block.resnets.0.", "middle_block.0."),
        ("mid_block.attentions.0.", "middle_block.1."),
        ("mid_block.resnets.1.", "middle_block.2."),
    ]


def _outputs(unet: Any) -> Iterator[tuple[str, str]]:
    count = 0
    for number, block in enumerate(unet.up_blocks):
        for index in range(len(block.resnets)):
            modules = 1
            yield f"up_blocks.{number}.resnets.{index}.", f"output_blocks.{count}.0."
            if hasattr(block, "attentions"):
                yield f"up_blocks.{number}.attentions.{index}.", f"output_blocks.{count}.1."
                modules += 1
            if block.upsamplers and index == len(block.resnets) - 1:
                upsampler = f"output_blocks.{count}.{modules}.conv."
                yield f"up_blocks.{number}.upsamplers.0.conv.", upsampler
            count += 1


def _unet_part(name: str) -> str:
    for here, there in (
        (".norm1.", ".in_layers.0."),
        (".conv1.", ".in_layers.2."),
        (".norm2.", ".out_layers.0."),
        (".conv2.", ".out_layers.3."),
        (".time_emb_proj.", ".emb_layers.1."),
        (".conv_shortcut.", ".skip_connection."),
    ):
        # layers of attention have norms of their own
        if "transformer_blocks" not in name:
            name = name.replace(here, there)
    return name


def _encoder(vae: Any) -> Iterator[tuple[str, str]]:
    for number, block in enumerate(vae.encoder.down_blocks):
        for index in range(len(block.resnets)):
            start = f"encoder.down_blocks.{number}.resnets.{index}."
            yield start, f"encoder.down.{number}.block.{index}."
        start = f"encoder.down_blocks.{number}.downsamplers.0."
        yield start, f"encoder.down.{number}.downsample."
    yield from _vae_middle("encoder")


def _decoder(vae: Any) -> Iterator[tuple[str, str]]:
    blocks = list(enumerate(vae.decoder.up_blocks))
    for there, (number, block) in enumerate(reversed(blocks)):
        for index in range(len(block.resnets)):
            start = f"decoder.up_blocks.{number}.resnets.{index}."
            yield start, f"decoder.up.{there}.block.{index}."
        yield f"decoder.up_blocks.{number}.upsamplers.0.", f"decoder.up.{there}.upsample."
    yield from _vae_middle("decoder")


def _vae_middle(side: str) -> Pairs:
    return [
        (f"{side}.mid_block.resnets.0.", f"{side}.mid.block_1."),
        (f"{side}.mid_block.attentions.0.", f"{side}.mid.attn_1."),
        (f"{side}.mid_block.resnets.1.", f"{side}.mid.block_2."),
        (f"{side}.conv_norm_out.", f"{side}.norm_out."),
    ]


def _vae_part(name: str) -> str:
    for here, there in (
        (".conv_shortcut.", ".nin_shortcut."),
        (".group_norm.", ".norm."),
        (".to_q.", ".q."),
        (".to_k.", ".k."),
        (".to_v.", ".v."),
        (".to_out.0.", ".proj_out."),
    ):
        name = name.replace(here, there)
    return name


def _renamed(states: Mapping[str, torch.Tensor], pairs: Any, part: Any) -> States:
    table = list(pairs)
    found = {}
    for name, tensor in states.items():
        start = next(((here, there) for here, there in table if name.startswith(here)), ("", ""))
        found[part(start[1] + name.removeprefix(start[0]))] = tensor
    return found
