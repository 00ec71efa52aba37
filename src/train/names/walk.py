"""Walking a base model: each layer a network can lie on, by kohya's name.

A name is made from block, layer and role, never from the path of a module: transformers 5 dropped
``text_model`` from it, and files named after the shorter path are silently ignored by the
programs that read them. conv_in and conv_out, the time and size embeddings, norms and token
embeddings are never touched, as in sd-scripts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from torch import nn

from train.families import Family
from train.models.base import Base
from train.names.places import KINDS, LAYERS, Place, Side, block_index, text_name, unet_name
from train.targets import Target

PARTS = ("unet", "text_encoder", "text_encoder_2")
ATTENTION_ROLES = (
    "attn1.to_q",
    "attn1.to_k",
    "attn1.to_v",
    "attn1.to_out.0",
    "attn2.to_q",
    "attn2.to_k",
    "attn2.to_v",
    "attn2.to_out.0",
    "ff.net.0.proj",
    "ff.net.2",
)
"""The layers of one transformer block."""
CONV_ROLES = {
    "resnets": ("conv1", "time_emb_proj", "conv2", "conv_shortcut"),
    "downsamplers": ("conv",),
    "upsamplers": ("conv",),
}
TEXT_ROLES = (
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.out_proj",
    "mlp.fc1",
    "mlp.fc2",
)


def targets(base: Base, convs: bool = False, parts: Collection[str] = PARTS) -> dict[str, Target]:
    """The layers of a base model: UNet, then text encoders, each in the order of its blocks.

    ``convs`` adds the ResNets and the samplers of the UNet (LoCon); ``parts`` are those that
    learn. A part that the family does not have is no error.
    """
    found = unet_targets(base.unet, base.family, convs) if "unet" in parts else {}
    for text, prefix, part in zip(
        base.texts, base.facts.text_prefixes, base.facts.text_parts, strict=True
    ):
        if part in parts:
            found |= text_encoder_targets(text.encoder, prefix, part)
    return found


def unet_targets(unet: nn.Module, family: Family, convs: bool = False) -> dict[str, Target]:
    """Linear and 1×1 layers of the attention blocks; with ``convs`` those of the others as well.

    SD1.5 has 192 of them and 278 with ``convs``, SDXL 722 and 788.
    """
    layers = _layers(unet)
    found: dict[str, Target] = {}
    for place, module, attends in _places(unet):
        if place.kind != "attentions" and not convs:
            continue
        for role, layer in _roles(place, module):
            name = unet_name(family, place, role, layers, attends)
            found[name] = Target(
                name,
                layer,
                "unet",
                block_index(place, family, layers),
                # sd-scripts builds SD2 with 1×1 convolutions there, and files follow it
                as_conv=family != "sdxl" and role.startswith("proj_") and _is_linear(layer),
            )
    return found


def text_encoder_targets(encoder: nn.Module, prefix: str, part: str) -> dict[str, Target]:
    """The attention and MLP projections of every CLIP layer: six a layer.

    ``prefix`` is ``lora_te`` (SDXL: ``lora_te1``, ``lora_te2``). The module may hold its layers
    itself, as transformers 5 lays out ``CLIPTextModel``, or under ``text_model``.
    """
    body: Any = getattr(encoder, "text_model", encoder)
    found: dict[str, Target] = {}
    for number, layer in enumerate(body.encoder.layers):
        for role in TEXT_ROLES:
            name = text_name(prefix, number, role.replace(".", "_"))
            found[name] = Target(name, layer.get_submodule(role), part)
    return found


def _layers(unet: Any) -> int:
    """ResNets per down block."""
    return len(unet.down_blocks[0].resnets) if len(unet.down_blocks) else LAYERS


def _places(unet: Any) -> Iterator[tuple[Place, nn.Module, bool]]:
    """Each place with its module, and whether its block has attention."""
    middle = [unet.mid_block] if unet.mid_block is not None else []
    sides: tuple[tuple[Side, Any], ...] = (
        ("down", unet.down_blocks),
        ("mid", middle),
        ("up", unet.up_blocks),
    )
    for side, blocks in sides:
        for level, block in enumerate(blocks):
            attends = bool(getattr(block, "attentions", None))
            for kind in KINDS:
                for number, module in enumerate(getattr(block, kind, None) or ()):
                    if module is not None:
                        yield Place(side, level, kind, number), module, attends


def _roles(place: Place, module: Any) -> Iterator[tuple[str, nn.Linear | nn.Conv2d]]:
    """The layers of a place by role, as diffusers calls them in a name."""
    if place.kind != "attentions":
        paths = CONV_ROLES[place.kind]
    else:
        inner = (
            f"transformer_blocks.{number}.{role}"
            for number in range(len(module.transformer_blocks))
            for role in ATTENTION_ROLES
        )
        paths = ("proj_in", *inner, "proj_out")
    for path in paths:
        layer = _at(module, path)
        if isinstance(layer, nn.Linear | nn.Conv2d):
            yield path.replace(".", "_"), layer


def _at(module: nn.Module, path: str) -> Any:
    """What lies at a path; None where a smaller model has nothing."""
    found: Any = module
    for step in path.split("."):
        found = getattr(found, step, None)
    return found


def _is_linear(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Linear)
