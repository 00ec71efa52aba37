"""About how much memory a run takes, before it is run. No torch: file headers say enough.

What is kept for the backward pass is scaled from SD 1.5: 0.86 GiB for one picture of 512×512 in
16 bits, counted on meta tensors. It grows with the pictures of a batch, with their area and with
the size of a number; another shape of UNet keeps more or less by its channels at each depth.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataprep.buckets import Bucket
from dataprep.weights import hub_snapshot
from train.config import TrainConfig

MIB = 1024 * 1024
KEPT_BY_SD15 = 0.86 * 1024 * MIB
"""Bytes kept for one picture of 512×512 in 16 bits."""
SD15 = ((320, 640, 1280, 1280), 2)
"""Channels by depth and layers per block."""
LORA_BYTES = 4 * 4
"""Per parameter: itself, its gradient and AdamW's two averages, all float32."""
LIBRARIES = 600 * MIB
"""What torch and the libraries take before there is a model."""
NUMBER_BYTES = {"no": 4, "bf16": 2, "fp16": 2}
ATTENTION = re.compile(r"\.attentions\.\d+\.")
TEXT = re.compile(r"\.(q_proj|k_proj|v_proj|out_proj|fc1|fc2)\.weight$")
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Memory:
    """What a run takes, in bytes."""

    base: int
    """UNet and text encoder."""
    lora: int
    """The LoRA with its gradients and the optimizer's averages."""
    kept: int
    """What is kept of the forward pass, in the largest batch."""

    @property
    def total(self) -> int:
        """All of it, with the libraries."""
        return self.base + self.lora + self.kept + LIBRARIES

    def to_json(self) -> dict[str, float]:
        """Plain values, in megabytes, as the trainer measures."""
        parts = {"base": self.base, "lora": self.lora, "kept": self.kept, "total": self.total}
        return {f"{name}_mb": round(value / 1e6, 1) for name, value in parts.items()}


def memory(config: TrainConfig, buckets: Iterable[Bucket], batch: int) -> Memory | None:
    """The memory of a run; None where the base does not lie here as safetensors.

    ``batch`` is the number of pictures in the largest batch.
    """
    name = config.pretrained_model_name_or_path
    base = Path(name) if Path(name).is_dir() else hub_snapshot(name)
    if base is None:
        return None
    unet, text = shapes(base / "unet"), shapes(base / "text_encoder")
    about = _about(base / "unet" / "config.json")
    if not unet or not text or not about:
        return None
    number = NUMBER_BYTES[config.mixed_precision]
    area = max((width * height for width, height in buckets), default=0)
    kept = KEPT_BY_SD15 * number / 2 * batch * area / (512 * 512) * _size(about) / _size_of(*SD15)
    return Memory(
        base=(_count(unet) + _count(text)) * number,
        lora=lora_parameters(config, unet, text) * LORA_BYTES,
        kept=round(kept),
    )


def lora_parameters(config: TrainConfig, unet: Shapes, text: Shapes) -> int:
    """How many numbers the LoRA has, from the shapes of what it lies on."""
    found = []
    if config.unet_lr:
        found += [shape for name, shape in unet.items() if ATTENTION.search(f".{name}")]
    if config.text_encoder_lr:
        found += [shape for name, shape in text.items() if TEXT.search(name)]
    return sum(_thin(shape, config.network_dim) for shape in found if len(shape) > 1)


def shapes(folder: Path) -> Shapes:
    """The shapes of all weights in a folder's safetensors; empty where there are none."""
    found: Shapes = {}
    files = sorted(folder.glob("*.safetensors"))
    # a half-precision twin of the same weights
    for path in [file for file in files if ".fp16" not in file.name] or files:
        try:
            with path.open("rb") as file:
                (length,) = struct.unpack("<Q", file.read(8))
                header = json.loads(file.read(length))
        except (OSError, ValueError, struct.error):
            return {}
        found |= {name: tuple(it["shape"]) for name, it in header.items() if "shape" in it}
    return found


def _thin(shape: tuple[int, ...], dim: int) -> int:
    """The numbers of the two thin layers beside a weight of this shape."""
    out, into, *kernel = shape
    return dim * (into * math.prod(kernel) + out)


def _count(found: Shapes) -> int:
    return sum(math.prod(shape) for shape in found.values())


def _size(about: dict[str, Any]) -> float:
    return _size_of(tuple(about["block_out_channels"]), int(about.get("layers_per_block", 2)))


def _size_of(channels: tuple[int, ...], layers: int) -> float:
    """Channels × positions over all layers; each depth has a quarter of the positions."""
    return sum(width * layers / 4**depth for depth, width in enumerate(channels))


def _about(path: Path) -> dict[str, Any]:
    """The UNet's config; empty where it does not say what is needed."""
    try:
        about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return about if isinstance(about.get("block_out_channels"), list) else {}
