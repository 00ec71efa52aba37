"""LoRA files of other tools, in the names that ours have.

What is understood: kohya's files (SDXL in SGM's or diffusers' names, SD1 with ``lora_te1_``), those
of LyCORIS (without ``text_model`` under transformers 5), and what diffusers and peft have
written over the years: ``lora_A``/``lora_B``, ``lora.down``/``lora.up``, attention processors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch

from dataprep.errors import DataprepError
from train.families import FAMILIES, Family
from train.lora_file.adapters import Adapters
from train.lora_file.dense import ALPHA, DORA, dim
from train.lora_file.reading import load
from train.names.places import UNET, parse, text_name, unet_name

SUFFIXES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(f"(?P<path>.+?){ending}"), said)
    for ending, said in (
        (r"\.lora_A(?:\.\w+)?\.weight", "lora_down.weight"),
        (r"\.lora_B(?:\.\w+)?\.weight", "lora_up.weight"),
        (r"[._]lora(?:_linear_layer)?\.down\.weight", "lora_down.weight"),
        (r"[._]lora(?:_linear_layer)?\.up\.weight", "lora_up.weight"),
        (r"[._]lora(?:_linear_layer)?\.alpha", ALPHA),
        (r"\.lora_magnitude_vector(?:\.\w+)*", DORA),
        (r"\.(?P<own>lora_(?:down|up|mid)\.weight|alpha|dora_scale|(?:hada|lokr)_\w+)", r"\g<own>"),
        # LyCORIS' GLoRA and OFT
        (r"\.(?P<own>(?:[ab][12]|bm)\.weight|oft_blocks|rescale)", r"\g<own>"),
    )
)
"""How a key ends, and what kohya and LyCORIS say for it."""
PREFIXES = {
    "lora_unet_": "unet",
    "unet_": "unet",
    "lycoris_": "unet",
    "diffusion_model_": "unet",
    "lora_te_": "text_encoder",
    "lora_te1_": "text_encoder",
    "lora_te2_": "text_encoder_2",
    "text_encoder_2_": "text_encoder_2",
    "text_encoder_": "text_encoder",
}
"""How a key begins, once its dots are underscores, and the part that it belongs to."""
BARE = re.compile(r"(?:down_blocks|mid_block|up_blocks|input_blocks|middle_block|output_blocks)_")
BARE_TEXT = re.compile(r"(?:text_model_)?encoder_layers_")
TEXT_LAYER = re.compile(r"(?:text_model_)?encoder_layers_(\d+)_(.+)")
OLD_TEXT_ROLES = {
    f"self_attn_to_{kind}": f"self_attn_{kind}_proj" for kind in ("q", "k", "v", "out")
}


def read(path: Path, family: Family) -> dict[str, torch.Tensor]:
    """The tensors of a LoRA file of any tool in the names of ours; see ``canonical``."""
    weights, about = load(path)
    return canonical(weights, family, about)


def canonical(
    weights: Mapping[str, torch.Tensor], family: Family, metadata: Mapping[str, str] | None = None
) -> dict[str, torch.Tensor]:
    """The tensors under the names of our files; each module has its ``alpha``.

    A missing alpha is what ``metadata`` says of it (diffusers keeps peft's settings there), else
    dim, as every reader takes it. A module that is not among a network's targets keeps the
    rest of its name. Raises ``DataprepError`` for a key of no known layout, for a second text
    encoder that the family does not have, and for two keys of one meaning.
    """
    found: dict[str, torch.Tensor] = {}
    paths: dict[str, str] = {}
    for key, value in weights.items():
        path, suffix = _split(key)
        name = _name(path, family, key)
        renamed = f"{name}.{suffix}"
        if renamed in found:
            raise DataprepError(f"two tensors of the LoRA file mean {renamed}: one is {key}")
        found[renamed] = _upright(value) if "magnitude" in key else value
        paths.setdefault(name, path)
    return found | _alphas(found, paths, Adapters(metadata or {}))


def _split(key: str) -> tuple[str, str]:
    """A key as the path of a module and kohya's suffix."""
    for pattern, said in SUFFIXES:
        if match := pattern.fullmatch(key):
            return match["path"], match.expand(said)
    raise DataprepError(
        f"{key}: this tensor of the LoRA file is of no layout that is known",
        "files of kohya, LyCORIS, diffusers and peft can be read, for SD1, SD2 and SDXL",
    )


def _name(path: str, family: Family, key: str) -> str:
    flat = path.removeprefix("base_model.model.").replace(".processor", "").replace(".", "_")
    part, rest = _part(flat)
    if part is None:
        raise DataprepError(
            f"{key}: this tensor of the LoRA file is for no UNet and no text encoder",
            "files for SD1, SD2 and SDXL can be read",
        )
    if part == "unet":
        return _unet_name(rest, family)
    return _text_name(rest, part, family, key)


def _part(flat: str) -> tuple[str | None, str]:
    for prefix, part in PREFIXES.items():
        if flat.startswith(prefix):
            return part, flat.removeprefix(prefix)
    if BARE.match(flat):
        return "unet", flat
    return ("text_encoder", flat) if BARE_TEXT.match(flat) else (None, flat)


def _unet_name(rest: str, family: Family) -> str:
    # attention processors called the layer to_out; it is the first of two there
    rest = re.sub(r"_to_out$", "_to_out_0", rest)
    found = parse(rest)
    return UNET + rest if found is None else unet_name(family, *found)


def _text_name(rest: str, part: str, family: Family, key: str) -> str:
    facts = FAMILIES[family]
    if part not in facts.text_parts:
        raise DataprepError(
            f"{key}: this tensor is for a second text encoder; {facts.name} has one",
            "the LoRA file is for another family, probably SDXL",
        )
    prefix = facts.text_prefixes[facts.text_parts.index(part)]
    match = TEXT_LAYER.fullmatch(rest)
    if match is None:
        return f"{prefix}_{rest}"
    return text_name(prefix, int(match[1]), OLD_TEXT_ROLES.get(match[2], match[2]))


def _upright(lengths: torch.Tensor) -> torch.Tensor:
    """peft's magnitudes, (out,) or (1, out, 1, 1), as LyCORIS has them: (out, 1[, 1, 1])."""
    return lengths.reshape(-1, *[1] * max(1, lengths.dim() - 1))


def _alphas(
    weights: Mapping[str, torch.Tensor], paths: Mapping[str, str], adapters: Adapters
) -> dict[str, torch.Tensor]:
    """The alphas that are not there."""
    found: dict[str, torch.Tensor] = {}
    groups: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in weights.items():
        name, _, suffix = key.partition(".")
        groups.setdefault(name, {})[suffix] = value
    for name, tensors in groups.items():
        size = dim(tensors)
        if size is not None and ALPHA not in tensors:
            found[f"{name}.{ALPHA}"] = torch.tensor(float(adapters.alpha(paths[name], size)))
    return found
