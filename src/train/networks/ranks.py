"""Rank and alpha of each module, from ``network_dim`` to ``conv_block_alphas``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dataprep.errors import UsageError
from train.config import TrainConfig
from train.families import FAMILIES, Family
from train.networks.rates import block_factors
from train.targets import Target, Targets

_IN_CONV_BLOCK = re.compile(
    r"^lora_unet_.*_(resnets|downsamplers|upsamplers|in_layers|out_layers|emb_layers"
    r"|skip_connection|op$|conv$)"
)
Size = tuple[int, float]
"""Rank and alpha."""


def needs_convs(config: TrainConfig) -> bool:
    """Whether ResNet blocks, down- and upsampling are learned too."""
    return config.network_type == "locon" or bool(config.conv_dim or config.conv_block_dims)


def is_in_conv_block(name: str) -> bool:
    """Whether a module is learned only when convolutions are, by its name in any family."""
    return _IN_CONV_BLOCK.match(name) is not None


@dataclass(frozen=True, slots=True)
class _Sizes:
    """The sizes of one kind of module: by block, and where there are no blocks."""

    plain: Size
    blocks: tuple[Size, ...] | None

    def of(self, block: int | None) -> Size:
        return self.plain if self.blocks is None or block is None else self.blocks[block]


def ranks(config: TrainConfig, targets: Targets, family: Family) -> dict[str, Size]:
    """Rank and alpha of the modules that get a layer, by name.

    As in sd-scripts, 3×3 convolutions take ``conv_dim`` and all else ``network_dim``. A block of
    rank 0, or whose learning rate has the factor 0, gets none. Raises ``UsageError`` for lists of
    a wrong length.
    """
    dropped = {
        number for number, factor in enumerate(block_factors(config, family) or ()) if not factor
    }
    with_convs = needs_convs(config)
    linear, conv = _linear(config, family), _conv(config, family)
    sizes = {
        name: (conv if target.is_conv3 else linear).of(target.block)
        for name, target in targets.items()
        if not _is_left_out(target, dropped, with_convs)
    }
    return {name: size for name, size in sizes.items() if size[0]}


def _is_left_out(target: Target, dropped: set[int], with_convs: bool) -> bool:
    return target.block in dropped or (not with_convs and is_in_conv_block(target.name))


def _linear(config: TrainConfig, family: Family) -> _Sizes:
    plain = (config.network_dim, config.network_alpha)
    if not (config.block_dims or config.block_alphas):
        return _Sizes(plain, None)
    count = FAMILIES[family].blocks
    dims = _listed(config.block_dims, "block_dims", family) or [plain[0]] * count
    alphas = _listed(config.block_alphas, "block_alphas", family) or [plain[1]] * count
    return _Sizes(plain, _pairs(dims, alphas))


def _conv(config: TrainConfig, family: Family) -> _Sizes:
    of_locon = config.network_dim if config.network_type == "locon" else 0
    dim = config.conv_dim or of_locon
    plain = (dim, conv_alpha(config, dim))
    if not (config.conv_block_dims or config.conv_block_alphas):
        return _Sizes(plain, None)
    count = FAMILIES[family].blocks
    dims = _listed(config.conv_block_dims, "conv_block_dims", family) or [dim] * count
    alphas = _listed(config.conv_block_alphas, "conv_block_alphas", family) or [
        conv_alpha(config, dim) for dim in dims
    ]
    return _Sizes(plain, _pairs(dims, alphas))


def conv_alpha(config: TrainConfig, dim: float) -> float:
    """``conv_alpha``, or what scales convolutions as all else; sd-scripts takes 1 instead."""
    if config.conv_alpha is not None:
        return config.conv_alpha
    return 1.0 if config.is_kohya else dim * config.network_alpha / config.network_dim


def _listed(values: Sequence[float], key: str, family: Family) -> list[float]:
    facts = FAMILIES[family]
    if values and len(values) != facts.blocks:
        raise UsageError(
            f"{key} has {len(values)} entries; {facts.name} has {facts.blocks} blocks",
            f"give {facts.blocks} entries, 0 for a block that is left out",
        )
    return list(values)


def _pairs(dims: Sequence[float], alphas: Sequence[float]) -> tuple[Size, ...]:
    return tuple((int(dim), float(alpha)) for dim, alpha in zip(dims, alphas, strict=True))
