"""The two dialects in which UNet layers are named, as plain text. Pure.

diffusers says ``down_blocks_1_attentions_0_proj_in``; the SGM code of SDXL counts the same place
as ``input_blocks_4_1_proj_in``. kohya's files speak the first for SD1 and SD2, the second for
SDXL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from train.families import Family

Side = Literal["down", "mid", "up"]
Kind = Literal["resnets", "attentions", "downsamplers", "upsamplers"]

KINDS: tuple[Kind, ...] = ("resnets", "attentions", "downsamplers", "upsamplers")
LAYERS = 2
"""ResNets per down block in every Stable Diffusion; up blocks have one more."""
UNET = "lora_unet_"
"""How names of modules on the UNet begin."""

SGM_ROLES = {
    "conv1": "in_layers_2",
    "time_emb_proj": "emb_layers_1",
    "conv2": "out_layers_3",
    "conv_shortcut": "skip_connection",
}
DIFFUSERS_ROLES = {sgm: diffusers for diffusers, sgm in SGM_ROLES.items()}

IN_DIFFUSERS = re.compile(
    r"(?:(down|up)_blocks_(\d+)|mid_block)_(resnets|attentions|downsamplers|upsamplers)_(\d+)_(.+)"
)
IN_SGM = re.compile(r"(?:(input|output)_blocks_(\d+)|middle_block)_(\d+)_(.+)")


@dataclass(frozen=True, slots=True)
class Place:
    """One ResNet, attention, downsampler or upsampler of a UNet."""

    side: Side
    level: int
    """Which down or up block, from 0; 0 in the middle."""
    kind: Kind
    number: int
    """Which of its kind in the block."""


def diffusers(place: Place) -> str:
    """diffusers' name, such as ``up_blocks_1_attentions_2``."""
    block = "mid_block" if place.side == "mid" else f"{place.side}_blocks_{place.level}"
    return f"{block}_{place.kind}_{place.number}"


def sgm(place: Place, layers: int = LAYERS, attends: bool = True) -> str:
    """SGM's name, such as ``output_blocks_5_1``.

    ``input_blocks`` counts conv_in, then of each level its ResNets and the downsampler;
    ``output_blocks`` the ResNets of each level. Attention and upsampler stand behind the ResNet
    of the same number; ``attends`` says whether there is attention between.
    """
    if place.side == "mid":
        return f"middle_block_{2 * place.number + (place.kind == 'attentions')}"
    return f"{_PUT[place.side]}_{_count(place, layers)}_{_position(place, attends)}"


_PUT = {"down": "input_blocks", "up": "output_blocks"}


def _count(place: Place, layers: int) -> int:
    inside = layers if place.kind.endswith("samplers") else place.number
    return (layers + 1) * place.level + inside + (place.side == "down")


def _position(place: Place, attends: bool) -> int:
    return {"resnets": 0, "attentions": 1, "downsamplers": 0, "upsamplers": 1 + attends}[place.kind]


def unet_name(
    family: Family, place: Place, role: str, layers: int = LAYERS, attends: bool = True
) -> str:
    """What a file of the family calls the layer ``role`` (by diffusers) of a place."""
    if family != "sdxl":
        return f"{UNET}{diffusers(place)}_{role}"
    said = "op" if place.kind == "downsamplers" else SGM_ROLES.get(role, role)
    return f"{UNET}{sgm(place, layers, attends)}_{said}"


def text_name(prefix: str, layer: int, role: str) -> str:
    """What files call the projection ``role`` of a CLIP layer, under every transformers."""
    return f"{prefix}_text_model_encoder_layers_{layer}_{role}"


def parse(name: str, layers: int = LAYERS) -> tuple[Place, str] | None:
    """Place and role (by diffusers) of a UNet name in either dialect; None: it is in neither."""
    if found := IN_DIFFUSERS.fullmatch(name):
        side, level, kind, number, role = found.groups()
        place = Place(cast(Side, side or "mid"), int(level or 0), cast(Kind, kind), int(number))
        return place, role
    if found := IN_SGM.fullmatch(name):
        put, count, position, role = found.groups()
        if put is None:
            return _middle(int(position)), DIFFUSERS_ROLES.get(role, role)
        return _of_sgm(put, int(count), int(position), role, layers)
    return None


def _middle(position: int) -> Place:
    return Place("mid", 0, "attentions" if position % 2 else "resnets", position // 2)


def _of_sgm(
    put: str, count: int, position: int, role: str, layers: int
) -> tuple[Place, str] | None:
    if put == "input":
        if count == 0:
            return None  # conv_in
        level, number = divmod(count - 1, layers + 1)
        if role == "op":
            return Place("down", level, "downsamplers", 0), "conv"
        side: Side = "down"
    else:
        level, number = divmod(count, layers + 1)
        if role == "conv":
            return Place("up", level, "upsamplers", 0), role
        side = "up"
    kind: Kind = "attentions" if position else "resnets"
    return Place(side, level, kind, number), DIFFUSERS_ROLES.get(role, role)


def block_index(place: Place, family: Family, layers: int = LAYERS) -> int:
    """The entry of ``block_dims`` and of the block weights that a place answers to.

    As sd-scripts counts (networks/lora.py, ``get_block_index``). SD1 and SD2, 25 entries: down
    1 + 3·level + number, middle 12, up 13 + 3·level + number, where a sampler's number is 2;
    entry 0 would be conv_in. SDXL, 23 entries: 1 + the number in ``input_blocks``, 10 + that in
    ``middle_block``, 13 + that in ``output_blocks``; 0 and 22 would be the embeddings and conv_out.
    """
    if family == "sdxl":
        first = {"down": 1, "mid": 10, "up": 13}[place.side]
        return first + int(sgm(place, layers).split("_")[2])
    if place.side == "mid":
        return 12
    inside = 2 if place.kind.endswith("samplers") else place.number
    return {"down": 1, "up": 13}[place.side] + 3 * place.level + inside
