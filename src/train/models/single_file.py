"""A base in one file of the original format: UNet, VAE and text encoders out of it.

Each tensor is read from the mapped file when its place is filled, in the number format and on the
device that are wanted, so that nothing is held twice. Everything a part has must be used and
everything it needs must be there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dataprep.errors import DataprepError
from train.families import FAMILIES, Family
from train.models.configs import config_of
from train.models.kinds import UNET
from train.models.places import (
    Place,
    Places,
    clip_places,
    open_clip_places,
    unet_places,
    vae_places,
)
from train.models.weights import Weights

SHOWN = 3
"""How many names an error tells."""
KNOWN_BUFFERS = re.compile(
    # tables computed anew, training's leftovers, and the halves of CLIP that are not used
    r"\.position_ids$|\.attn_mask$|\.logit_scale$|\.loss\.|(^|\.)text_projection(\.weight)?$"
)
VAE_PREFIXES = ("first_stage_model.", "vae.")


@dataclass(frozen=True, slots=True)
class TextFormat:
    """How a text encoder lies in a file."""

    prefix: str
    places: Callable[[str], Places]
    projects: bool = False
    """Its projection of the whole caption is used too (SDXL's second)."""


TEXTS: dict[Family, tuple[TextFormat, ...]] = {
    "sd1": (TextFormat("cond_stage_model.transformer.", clip_places),),
    "sd2": (TextFormat("cond_stage_model.model.", open_clip_places),),
    "sdxl": (
        TextFormat("conditioner.embedders.0.transformer.", clip_places),
        TextFormat("conditioner.embedders.1.model.", open_clip_places, projects=True),
    ),
}


@dataclass(frozen=True, slots=True)
class Filling:
    """Where tensors go: out of which file, on which device, in which number format."""

    weights: Weights
    device: torch.device
    dtype: torch.dtype


def read_unet(filling: Filling, family: Family, folder: Path | None = None) -> nn.Module:
    """The UNet. ``folder`` has other configs than the family's, as for the other parts.

    Raises ``DataprepError`` for weights that are missing, of another shape or not used.
    """
    from diffusers import UNet2DConditionModel

    unet = _empty(UNet2DConditionModel.from_config, config_of(family, "unet", folder))
    used = _fill(unet, filling, unet_places(unet.config))
    _check_rest(filling.weights, UNET, used)
    return unet


def read_texts(filling: Filling, family: Family, folder: Path | None = None) -> list[nn.Module]:
    """The text encoders, in the family's order. Raises as ``read_unet``."""
    formats, parts = TEXTS[family], FAMILIES[family].text_parts
    return [
        _read_text(filling, form, config_of(family, part, folder))
        for form, part in zip(formats, parts, strict=True)
    ]


def _read_text(filling: Filling, form: TextFormat, config: dict[str, Any]) -> nn.Module:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    kind = CLIPTextModelWithProjection if form.projects else CLIPTextModel
    encoder = _empty(kind, CLIPTextConfig(**config))
    used = _fill(encoder, filling, form.places(form.prefix))
    # SD2 uses the state before the last layer, which is in the file all the same
    unused = f"{form.prefix}transformer.resblocks.{config['num_hidden_layers']}."
    _check_rest(filling.weights, form.prefix, used, unused if not form.projects else "")
    return encoder


def read_vae(filling: Filling, family: Family, folder: Path | None = None) -> nn.Module:
    """The VAE of a whole model, or one in a file of its own. Raises as ``read_unet``."""
    from diffusers import AutoencoderKL

    names = filling.weights.header.shapes
    prefix = next((p for p in VAE_PREFIXES if any(n.startswith(p) for n in names)), "")
    if not any(n.startswith((f"{prefix}encoder.", f"{prefix}decoder.")) for n in names):
        raise DataprepError(
            f"{filling.weights.path}: there is no VAE in it", "name one with the vae setting"
        )
    vae = _empty(AutoencoderKL.from_config, config_of(family, "vae", folder))
    used = _fill(vae, filling, vae_places(vae.config, prefix))
    _check_rest(filling.weights, prefix, used, "" if prefix else "loss.")
    return vae


def _empty(build: Callable[[Any], Any], config: Any) -> Any:
    """A module whose parameters take no memory yet; its buffers are real."""
    from accelerate import init_empty_weights

    with init_empty_weights():
        return build(config)


def _fill(module: nn.Module, filling: Filling, places: Places) -> set[str]:
    """Put the file's tensors in their places; gives back the names that were used."""
    shapes = filling.weights.header.shapes
    wanted = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    found = {name: _present(places(name), shapes) for name in wanted}
    missing = [places(name)[0].key for name, place in found.items() if place is None]
    there = {name: place for name, place in found.items() if place is not None}
    odd = [
        f"{place.key} {shapes[place.key]}, not {wanted[name]}"
        for name, place in there.items()
        if not _fits(shapes[place.key], wanted[name], place)
    ]
    _complain(filling.weights, {"missing": missing, "of another shape": odd})
    state = {name: _tensor(filling, place, wanted[name]) for name, place in there.items()}
    module.load_state_dict(state, strict=True, assign=True)
    return {place.key for place in there.values()}


def _present(places: Any, shapes: Mapping[str, Any]) -> Place | None:
    return next((place for place in places if place.key in shapes), None)


def _fits(there: tuple[int, ...], wanted: tuple[int, ...], place: Place) -> bool:
    """Whether a tensor is what is wanted; a 1×1 convolution and a linear layer are the same."""
    if place.third is not None:
        wanted = (3 * wanted[0], *wanted[1:])
    if place.turned:
        wanted = wanted[::-1]
    return _bare(there) == _bare(wanted)


def _bare(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[:2] if set(shape[2:]) <= {1} else shape


def _tensor(filling: Filling, place: Place, wanted: tuple[int, ...]) -> torch.Tensor:
    tensor = filling.weights.read(place.key)
    if place.third is not None:
        tensor = tensor.chunk(3)[place.third]
    if place.turned:
        tensor = tensor.T
    return tensor.reshape(wanted).to(filling.device, filling.dtype).contiguous()


def _check_rest(weights: Weights, prefix: str, used: set[str], unused: str = "") -> None:
    """Refuse a part in which something was not used; names from ``unused`` on may be."""
    _complain(weights, {"unknown": list(_rest(weights, prefix, used, unused))})


def _rest(weights: Weights, prefix: str, used: set[str], unused: str) -> Iterator[str]:
    for name in weights.header.shapes:
        if not name.startswith(prefix) or name in used or KNOWN_BUFFERS.search(name):
            continue
        if not (unused and name.startswith(unused)):
            yield name


def _complain(weights: Weights, wrong: dict[str, list[str]]) -> None:
    said = [
        f"{len(names)} weights are {how} ({', '.join(names[:SHOWN])}{', …' * (len(names) > SHOWN)})"
        for how, names in wrong.items()
        if names
    ]
    if said:
        raise DataprepError(
            f"{weights.path}: {'; '.join(said)}",
            "the file is damaged or differs from its family: model_config_dir names a diffusers "
            "folder with configs that fit",
        )
