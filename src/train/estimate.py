"""About how much memory a run takes, before it is run. No torch: file headers say enough.

What is kept for the backward pass was counted on meta tensors of all three families, with a LoRA
on the attention and in 16 bits: per picture 0.87 GiB for SD 1.5 at 512×512, 1.95 for SD 2 at
768×768, 6.35 for SDXL at 1024×1024; with gradient checkpointing 0.15, 0.33 and 0.55. That is
(within a percent or three) what goes into and comes out of the UNet's weights, times a factor; with
checkpointing what goes into its blocks, and the largest of them whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dataprep.buckets import Bucket
from train.config import LATENT_PIXELS, TrainConfig
from train.shapes import ATTENTION, CONVS, TEXT, Shapes, depths, parts, thin

MIB = 1024 * 1024
LIBRARIES = 600 * MIB
"""What torch and the libraries take before there is a model."""
NUMBER_BYTES = {"no": 4, "bf16": 2, "fp16": 2}
WEIGHT_BYTES = 4 + 4
"""Per parameter of the network: itself and its gradient, float32."""
STATE_BYTES = {
    "adamw8bit": 2,
    "pagedadamw8bit": 2,
    "lion": 4,
    "lion8bit": 1,
    "pagedlion8bit": 1,
    "sgdnesterov": 4,
    "sgdnesterov8bit": 1,
    "adafactor": 0,
    "dadaptsgd": 12,
    "dadaptlion": 8,
    "dadaptation": 12,
    "dadaptadam": 12,
    "prodigy": 16,
}
"""What optimizers remember per parameter, bytes; others as AdamW."""
ADAMW_BYTES = 8
FACTORS = {"loha": 2}
"""How many times a LoRA's parameters other networks have at the same rank; others as many."""

KEPT, KEPT_OF_BLOCKS = 1.07, 1.03
"""Numbers that are kept, per number that passes; without and with gradient checkpointing."""
OUTSIDE = 0.7
"""Share of what passes weights outside checkpointed blocks that is kept nevertheless."""
NOT_PER_PIXEL = re.compile(r"time_emb|emb_layers|label_emb|add_embedding|attn2\.to_[kv]\.")
BLOCK = re.compile(r"^.*?\.(?:transformer_blocks|resnets)\.\d+|^(?:input|output)_blocks\.\d+\.0")
BLOCK_INPUT = re.compile(r"\.(conv1|in_layers\.2|attn1\.to_q)\.weight$")
OUTSIDE_BLOCKS = re.compile(r"proj_in|proj_out|samplers|\.0\.op|\.\d\.\d\.conv|conv_in|conv_out")


@dataclass(frozen=True, slots=True)
class Memory:
    """What a run takes, in bytes."""

    base: int
    """UNet and text encoders."""
    lora: int
    """The network with its gradients and what the optimizer remembers."""
    kept: int
    """What is kept of the forward pass, in the largest batch."""

    @property
    def total(self) -> int:
        """All of it, with the libraries."""
        return self.base + self.lora + self.kept + LIBRARIES

    def to_json(self) -> dict[str, float]:
        """Plain values, in megabytes, as the trainer measures."""
        values = {"base": self.base, "lora": self.lora, "kept": self.kept, "total": self.total}
        return {f"{name}_mb": round(value / 1e6, 1) for name, value in values.items()}


def memory(config: TrainConfig, buckets: Iterable[Bucket], batch: int) -> Memory | None:
    """The memory of a run; None where the base does not lie here as safetensors.

    ``batch`` is the number of pictures in the largest batch.
    """
    found = parts(config.pretrained_model_name_or_path)
    if found is None:
        return None
    number = NUMBER_BYTES[config.mixed_precision]
    area = max((width * height for width, height in buckets), default=0)
    counted = sum(_count(part) for part in (found.unet, *found.texts))
    state = STATE_BYTES.get(config.optimizer_type.lower(), ADAMW_BYTES)
    numbers = kept_numbers(found.unet, area, checkpointing=config.gradient_checkpointing)
    return Memory(
        base=counted * number,
        lora=lora_parameters(config, found.unet, *found.texts) * (WEIGHT_BYTES + state),
        kept=round(numbers * number * batch),
    )


def lora_parameters(config: TrainConfig, unet: Shapes, *texts: Shapes) -> int:
    """How many numbers the network has, from the shapes of what it lies on.

    Where blocks have ranks of their own, at most so many.
    """
    dim = max([config.network_dim, *config.block_dims])
    of_locon = config.network_dim if config.network_type == "locon" else 0
    conv_dim = max([config.conv_dim or of_locon, *config.conv_block_dims])
    count = 0
    if config.unet_lr:
        count += sum(thin(unet[name], dim) for name in _named(unet, ATTENTION))
        if conv_dim:
            convs = [unet[name] for name in _named(unet, CONVS)]
            count += sum(thin(it, conv_dim if it[2:] not in ((), (1, 1)) else dim) for it in convs)
    rates = (config.rates["text_encoder"], config.rates["text_encoder_2"])
    for text, rate in zip(texts, rates, strict=False):
        count += sum(_of_text(text, name, dim) for name in _named(text, TEXT)) if rate else 0
    return count * FACTORS.get(config.network_type, 1)


def kept_numbers(unet: Shapes, area: int, *, checkpointing: bool) -> float:
    """How many numbers are kept of the forward pass for a picture of so many pixels."""
    passing = _passing(unet, area)
    if not checkpointing:
        return KEPT * sum(into + out for into, out in passing.values())
    inputs = sum(into for name, (into, _) in passing.items() if BLOCK_INPUT.search(name))
    outside = sum(sum(both) for name, both in passing.items() if OUTSIDE_BLOCKS.search(name))
    return KEPT_OF_BLOCKS * (inputs + OUTSIDE * outside) + KEPT * _largest_block(passing)


def _passing(unet: Shapes, area: int) -> dict[str, tuple[float, float]]:
    """The numbers that go into each weight and come out of it."""
    latents = area / LATENT_PIXELS**2
    depth = depths(unet)
    return {
        name: (shape[1] * latents / 4 ** depth[name], shape[0] * latents / 4 ** depth[name])
        for name, shape in unet.items()
        if len(shape) > 1 and not NOT_PER_PIXEL.search(name)
    }


def _largest_block(passing: Mapping[str, tuple[float, float]]) -> float:
    blocks: dict[str, float] = {}
    for name, both in passing.items():
        if block := BLOCK.match(name):
            blocks[block[0]] = blocks.get(block[0], 0.0) + sum(both)
    return max(blocks.values(), default=0.0)


def _named(found: Shapes, pattern: re.Pattern[str]) -> list[str]:
    """The weights that a pattern finds; norms and biases have one dimension and are none."""
    return [name for name, shape in found.items() if len(shape) > 1 and pattern.search(f".{name}")]


def _of_text(text: Shapes, name: str, dim: int) -> int:
    shape = text[name]
    if name.endswith("in_proj_weight"):
        # query, key and value in one
        return 3 * thin((shape[0] // 3, *shape[1:]), dim)
    return thin(shape, dim)


def _count(found: Shapes) -> int:
    return sum(math.prod(shape) for shape in found.values())
