"""The shapes of a base model's weights, out of file headers. No torch.

Weights go by two dialects: those of diffusers folders, and those of the original code, in single
files. What matters here is told from either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dataprep.errors import DataprepError
from dataprep.weights import hub_snapshot
from dataprep.weights.header import read_header

Shapes = Mapping[str, tuple[int, ...]]
UNET = "model.diffusion_model."
TEXTS = (
    ("conditioner.embedders.0.", "conditioner.embedders.1."),
    ("cond_stage_model.",),
)
"""How the names of text encoders begin in single files, of SDXL and of all others."""
FOLDERS = ("text_encoder", "text_encoder_2")

ATTENTION = re.compile(r"\.(proj_in|proj_out|transformer_blocks\.\d+)\.")
CONVS = re.compile(
    r"\.(conv1|conv2|time_emb_proj|conv_shortcut|in_layers\.2|out_layers\.3|emb_layers\.1"
    r"|skip_connection|\d+\.op|(down|up)samplers\.\d+\.conv|\d+\.\d+\.conv)\.weight$"
)
TEXT = re.compile(
    r"\.(q_proj|k_proj|v_proj|out_proj|fc1|fc2|c_fc|c_proj)\.weight$|\.in_proj_weight$"
)
DEPTH = re.compile(r"^(?:(down|up)_blocks|(input|output)_blocks)\.(\d+)\.")
OPEN_CLIP = re.compile(r"\.resblocks\.(\d+)\.")
FIRST_HALVING = re.compile(r"^input_blocks\.(\d+)\.0\.op\.")


@dataclass(frozen=True, slots=True)
class Parts:
    """The weights of a base model by part, under names without the part's own."""

    unet: Shapes
    texts: tuple[Shapes, ...]


def parts(name: str) -> Parts | None:
    """The parts of a base by its setting; None where they do not lie here as safetensors."""
    path = Path(name)
    if path.is_file():
        return _of_file(path)
    folder = path if path.is_dir() else hub_snapshot(name)
    if folder is None:
        return None
    texts = [shapes(folder / text) for text in FOLDERS if (folder / text).is_dir()]
    found = Parts(shapes(folder / "unet"), tuple(texts))
    return found if found.unet and texts and all(texts) else None


def shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of all weights in a folder's safetensors; empty where there are none."""
    found: dict[str, tuple[int, ...]] = {}
    files = sorted(folder.glob("*.safetensors"))
    # a half-precision twin of the same weights
    for path in [file for file in files if ".fp16" not in file.name] or files:
        found |= _header(path)
    return found


def depths(unet: Shapes) -> dict[str, int]:
    """How often the side of what a weight works on was halved, by its name."""
    halvings = [int(found[1]) for name in unet if (found := FIRST_HALVING.match(name))]
    # of input_blocks one stands before the levels, so the first halving tells how many a level has
    per_level = min(halvings, default=1)
    places = {name: DEPTH.match(name) for name in unet}
    levels = [_level(place, per_level) for place in places.values() if place]
    deepest = max(levels, default=0)
    return {name: _depth(name, place, per_level, deepest) for name, place in places.items()}


def thin(shape: tuple[int, ...], dim: int) -> int:
    """The numbers of the two thin layers of a LoRA beside a weight of this shape."""
    out, into, *kernel = shape
    for side in kernel:
        into *= side
    return dim * (into + out)


def _of_file(path: Path) -> Parts | None:
    found = _header(path)
    unet = _under(found, UNET)
    for prefixes in TEXTS:
        texts = tuple(_under(found, prefix) for prefix in prefixes)
        if unet and all(texts):
            return Parts(unet, texts if len(texts) > 1 else (_used(texts[0]),))
    return None


def _used(text: Shapes) -> Shapes:
    """Of SD2's text encoder a single file holds a layer more than is used: the last."""
    layers = {name: int(found[1]) for name in text if (found := OPEN_CLIP.search(name))}
    last = max(layers.values(), default=None)
    return {name: shape for name, shape in text.items() if layers.get(name) != last or last is None}


def _under(found: Shapes, prefix: str) -> Shapes:
    return {n.removeprefix(prefix): shape for n, shape in found.items() if n.startswith(prefix)}


def _header(path: Path) -> Shapes:
    """Of what is no safetensors file nothing is known; loading it will say what it is."""
    try:
        return read_header(path).shapes
    except (DataprepError, OSError):
        return {}


def _level(place: re.Match[str], per_level: int) -> int:
    number = int(place[3])
    if place[1]:
        return number
    return max(0, number - 1) // per_level if place[2] == "input" else number // per_level


def _depth(name: str, place: re.Match[str] | None, per_level: int, deepest: int) -> int:
    if place is None:
        return deepest if name.startswith(("mid_block", "middle_block")) else 0
    level = _level(place, per_level)
    return deepest - level if place[1] == "up" or place[2] == "output" else level
