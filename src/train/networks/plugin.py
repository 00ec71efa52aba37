"""Algorithms of the lycoris-lora package (``network_type = "lycoris"``): LoKr, GLoRA, OFT, BOFT.

The package makes the weights, ΔW out of them, and the file's tensors; names, laying on and saving
are ours. ΔW(x) is a product of its own beside the base's: the package's default adds ΔW to W and
takes W off again, which in half precision leaves little of it. Its bypass is taken for LoKr only:
with the others it adds or turns the base's bias too (4.1.3), which merging does not.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from dataprep.errors import DataprepError, UsageError
from train.config import TrainConfig
from train.networks.dropout import NONE, Dropouts
from train.networks.network import ALPHA, Layer, Weights
from train.networks.product import full_precision, operation

ALGORITHMS = {
    "lokr": "LokrModule",
    "glora": "GLoRAModule",
    "diag-oft": "DiagOFTModule",
    "boft": "ButterflyOFTModule",
}
"""Classes of the package by what it calls them. LoRA, LoCon, LoHa and DyLoRA are ours."""
LOW_RANK = ("lokr_w1_a", "lokr_w2_a", "a1")
"""Tensors of the package's modules that have a rank."""
NAME = "module"
"""Under this name the package is shown the tensors of one module."""


def _switch(text: str) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[text.lower()]


_WHOLE, _NUMBER, _SWITCH = (int, "a whole number"), (float, "a number"), (_switch, "true or false")
ARGUMENTS: dict[str, tuple[Callable[[str], Any], str]] = {
    "factor": _WHOLE,
    "decompose_both": _SWITCH,
    "full_matrix": _SWITCH,
    "unbalanced_factorization": _SWITCH,
    "use_tucker": _SWITCH,
    "use_scalar": _SWITCH,
    "constraint": _NUMBER,
    "rescaled": _SWITCH,
}
"""What ``network_args`` may hold beside ``algo``, and how it is read."""
UNFIT = (
    "scale_weight_norms",
    "loraplus_lr_ratio",
    "loraplus_unet_lr_ratio",
    "loraplus_text_encoder_lr_ratio",
)
"""Settings that speak of weights which these algorithms do not have."""


def options(config: TrainConfig) -> dict[str, Any]:
    """``algo`` and arguments out of ``network_args``. Raises ``UsageError`` for unknown ones."""
    given = dict(pair.split("=", 1) for pair in config.network_args)
    algo = given.pop("algo", "")
    if algo not in ALGORITHMS:
        raise UsageError(
            f"network_args: algo is {algo or 'missing'}",
            f"give one of {', '.join(ALGORITHMS)}; LoRA, LoCon, LoHa and DyLoRA are network_types",
        )
    for key in UNFIT:
        if getattr(config, key) is not None:
            raise UsageError(f'{key} does not go with network_type = "lycoris"', "leave it out")
    return {"algo": algo, "arguments": {key: _read(key, text) for key, text in given.items()}}


def _read(key: str, text: str) -> Any:
    if key not in ARGUMENTS:
        raise UsageError(
            f"network_args: {key} is not known", f"known are algo, {', '.join(ARGUMENTS)}"
        )
    read, kind = ARGUMENTS[key]
    try:
        return read(text)
    except (KeyError, ValueError):
        raise UsageError(f"network_args: {key} is {text}", f"give {kind}") from None


def package() -> Any:
    """The package's modules. Raises ``DataprepError`` when it is not installed."""
    try:
        return importlib.import_module("lycoris.modules")
    except ImportError as error:
        raise DataprepError(
            f"this network needs the package lycoris-lora ({error})", "pip install lycoris-lora"
        ) from None


class _InFull:
    """The base's weight in float32, made when it is asked for: GLoRA multiplies by it as it is."""

    def __init__(self, base: nn.Module) -> None:
        self.base = base

    @property
    def weight(self) -> torch.Tensor:
        return self.base.weight.detach().float()


class LycorisLayer(Layer):
    """A module of the package beside one layer of the base.

    ``network_dropout`` leaves out values of ΔW(x), ``rank_dropout`` outputs.
    """

    def __init__(
        self,
        base: nn.Linear | nn.Conv2d,
        dim: int,
        scale: float,
        dropouts: Dropouts = NONE,
        *,
        algo: str,
        arguments: Mapping[str, Any],
        made: Any = None,
    ) -> None:
        super().__init__(dim, scale, dropouts)
        self.operation = operation(base)
        self.shape = base.weight.shape
        self.algo = algo

        def make() -> Any:
            module = getattr(package(), ALGORITHMS[algo])
            return module(NAME, base, 1.0, dim, scale * dim, **arguments)

        self._make, self._base = make, _InFull(base)
        self.module = made or self._seeded(0)
        self.module.org_module = [self._base]
        # OFT's blocks follow from the width, and a small LoKr is whole matrices
        self.has_rank = any(hasattr(self.module, name) for name in LOW_RANK)

    def _seeded(self, seed: int) -> Any:
        """A new module; the package draws from the global state, which is put back."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self._make()

    @classmethod
    def of_file(
        cls, base: nn.Linear | nn.Conv2d, tensors: Weights, scale: float, **values: Any
    ) -> LycorisLayer:
        """A layer with the weights of a file; which algorithm made them, they tell."""
        modules = package()
        if ALPHA not in tensors:
            raise KeyError(ALPHA)
        named = {f"{NAME}.{suffix}": value for suffix, value in tensors.items()}
        found, parameters = modules.get_module(named, NAME)
        algo = next((it for it in ALGORITHMS if found.__name__ == ALGORITHMS[it]), None)
        if algo is None or values.get("algo", algo) != algo:
            raise ValueError(f"{found.name} is another algorithm than network_args name")
        made = modules.make_module(found, parameters, NAME, base)
        settings = {"arguments": {}, **values, "algo": algo}
        return cls(base, getattr(made, "lora_dim", 1), scale, made=made, **settings)

    def start(self, source: torch.Generator) -> None:
        """The package's own start, drawn from ``source``."""
        self.module = self._seeded(source.initial_seed())
        self.module.org_module = [self._base]

    def added(self, x: torch.Tensor, base_output: torch.Tensor, strength: float) -> torch.Tensor:
        """``base_output + strength · ΔW(x)``."""
        if self.algo == "lokr":
            product = self.module.bypass_forward_diff(x)
        else:
            product = self.operation(x, self._dense().to(x.dtype))
        return torch.add(base_output, self.dropped(product), alpha=strength)

    def _dense(self) -> torch.Tensor:
        with full_precision(self.module.dtype_tensor):
            if self.algo == "lokr":
                # get_diff_weight would scale it a second time
                return self.module.get_weight(self.shape) * self.module.scalar
            return self.module.get_diff_weight(1.0, shape=self.shape)[0]

    def delta(self) -> torch.Tensor:
        """ΔW as the package makes it."""
        return self._dense().detach().float()

    def to_file(self, alpha: float) -> dict[str, torch.Tensor]:
        """The package's tensors with the alpha they are meant with: OFT has another use for it."""
        return {suffix: value.detach() for suffix, value in self.module.state_dict().items()}

    def keys(self) -> set[str]:
        """What the package reads of such a module."""
        return set(self.module.weight_list)

    def rescale(self, scale: float) -> None:
        """These algorithms keep the scale of their file: each has a meaning of its own for it."""
