"""Where a diffusers or transformers parameter lies in a file of the original format.

Names of the original format are those of CompVis' latent diffusion (UNet and VAE), of transformers'
CLIPTextModel below a prefix (SD1, SDXL's first) and of open_clip (SD2, SDXL's second). Each
function takes a parameter's name here and returns the places it may lie at, the usual one first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from train.models.kinds import UNET


@dataclass(frozen=True, slots=True)
class Place:
    """A tensor of a file, or a part of it."""

    key: str
    third: int | None = None
    """Of query, key and value in one tensor, the number of this one."""
    turned: bool = False
    """The file has it transposed."""


Places = Callable[[str], Sequence[Place]]

UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
UNET_BLOCK = re.compile(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.+)")
UNET_MIDDLE = re.compile(r"mid_block\.(resnets|attentions)\.(\d+)\.(.+)")

VAE_BLOCK = re.compile(r"(en|de)coder\.(?:down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.+)")
VAE_MIDDLE = re.compile(r"(en|de)coder\.mid_block\.(resnets|attentions)\.(\d+)\.(.+)")
SAMPLERS = {"downsamplers": "downsample", "upsamplers": "upsample"}
VAE_ATTENTION = {
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
}
VAE_OLDER = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
"""What diffusers called them before 0.15."""

CLIP_LAYER = re.compile(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)")
OPEN_CLIP = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
OPEN_CLIP_ENDS = {
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "final_layer_norm.weight": "ln_final.weight",
    "final_layer_norm.bias": "ln_final.bias",
}
THIRDS = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")


def unet_places(config: Any) -> Places:
    """Of a UNet with this config: ``layers_per_block`` and ``up_block_types`` number the blocks."""
    layers = int(config.layers_per_block)
    attends = [kind.startswith("CrossAttn") for kind in config.up_block_types]

    def find(name: str) -> list[Place]:
        return [Place(UNET + _unet_name(name, layers, attends))]

    return find


def _unet_name(name: str, layers: int, attends: Sequence[bool]) -> str:
    if block := UNET_BLOCK.fullmatch(name):
        side, number, kind, index, rest = block.groups()
        numbered = _down if side == "down" else _up
        return numbered(int(number), kind, int(index), rest, layers, attends)
    if middle := UNET_MIDDLE.fullmatch(name):
        kind, index, rest = middle.groups()
        # resnet, attention, resnet
        place = 1 if kind == "attentions" else 2 * int(index)
        return f"middle_block.{place}.{_inner(kind, rest)}"
    return _renamed(name, UNET_ENDS)


def _down(
    block: int, kind: str, index: int, rest: str, layers: int, attends: Sequence[bool]
) -> str:
    if kind == "downsamplers":
        return f"input_blocks.{(block + 1) * (layers + 1)}.0.op.{rest.removeprefix('conv.')}"
    number = 1 + block * (layers + 1) + index
    return f"input_blocks.{number}.{int(kind == 'attentions')}.{_inner(kind, rest)}"


def _up(block: int, kind: str, index: int, rest: str, layers: int, attends: Sequence[bool]) -> str:
    if kind == "upsamplers":
        # behind the last resnet of its block, and behind the attention where there is one
        return f"output_blocks.{block * (layers + 1) + layers}.{1 + attends[block]}.{rest}"
    number = block * (layers + 1) + index
    return f"output_blocks.{number}.{int(kind == 'attentions')}.{_inner(kind, rest)}"


def _inner(kind: str, rest: str) -> str:
    return _renamed(rest, RESNET) if kind == "resnets" else rest


def vae_places(config: Any, prefix: str) -> Places:
    """Of a VAE whose names in the file begin with ``prefix``: original, diffusers', older."""
    last = len(config.block_out_channels) - 1

    def find(name: str) -> list[Place]:
        older = _renamed(name, VAE_OLDER) if ".attentions." in name else name
        return [Place(prefix + one) for one in (_vae_name(name, last), name, older)]

    return find


def _vae_name(name: str, last: int) -> str:
    if block := VAE_BLOCK.fullmatch(name):
        side, number, kind, index, rest = block.groups()
        # the original counts the decoder's blocks from the finest
        place = f"encoder.down.{number}" if side == "en" else f"decoder.up.{last - int(number)}"
        if kind == "resnets":
            return f"{place}.block.{index}.{rest.replace('conv_shortcut', 'nin_shortcut')}"
        return f"{place}.{SAMPLERS[kind]}.{rest}"
    if middle := VAE_MIDDLE.fullmatch(name):
        side, kind, index, rest = middle.groups()
        if kind == "resnets":
            return f"{side}coder.mid.block_{int(index) + 1}.{rest}"
        return f"{side}coder.mid.attn_1.{_renamed(rest, VAE_ATTENTION)}"
    return name.replace("conv_norm_out", "norm_out")


def clip_places(prefix: str) -> Places:
    """Of a CLIP text encoder in transformers' names; some files leave ``text_model`` out."""

    def find(name: str) -> list[Place]:
        role = name.removeprefix("text_model.")
        return [Place(f"{prefix}text_model.{role}"), Place(prefix + role)]

    return find


def open_clip_places(prefix: str) -> Places:
    """Of a CLIP text encoder in open_clip's names: query, key and value are one tensor."""

    def find(name: str) -> list[Place]:
        role = name.removeprefix("text_model.")
        if role == "text_projection.weight":
            return [Place(f"{prefix}text_projection", turned=True), Place(prefix + role)]
        if layer := CLIP_LAYER.fullmatch(role):
            return [_open_clip_layer(prefix, *layer.groups())]
        return [Place(prefix + OPEN_CLIP_ENDS.get(role, role))]

    return find


def _open_clip_layer(prefix: str, number: str, role: str, end: str) -> Place:
    block = f"{prefix}transformer.resblocks.{number}"
    if role in THIRDS:
        return Place(f"{block}.attn.in_proj_{end}", third=THIRDS.index(role))
    return Place(f"{block}.{OPEN_CLIP.get(role, role)}.{end}")


def _renamed(name: str, table: dict[str, str]) -> str:
    """A name whose module is called otherwise; the rest of the name stays."""
    for here, there in table.items():
        if name.startswith(f"{here}.") or f".{here}." in name:
            return name.replace(f"{here}.", f"{there}.", 1)
    return name
