"""Which optimizers there are, and whose. No torch here.

The classes are those that sd-scripts uses, so that arguments mean the same.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from dataprep.errors import UsageError


@dataclass(frozen=True, slots=True)
class Kind:
    """An optimizer by the dotted path of its class."""

    name: str
    path: str
    defaults: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Arguments that a person may override."""
    note: str = ""
    """What one would not expect of it."""

    @property
    def package(self) -> str:
        """Whose it is."""
        return self.path.partition(".")[0]

    @property
    def is_paged(self) -> bool:
        """Its state may move out of a GPU's memory."""
        return self.package == "bitsandbytes" and "Paged" in self.path


# fused: a LoRA is hundreds of small tensors, and one call each would cost more than the sums
FUSED = {"fused": True}
NESTEROV = {"momentum": 0.9, "nesterov": True}
# at a fixed learning rate as transformers advises; its own defaults find a rate by themselves and
# multiply it by the size of the weights, which a LoRA does not have at first
FIXED_RATE = {"relative_step": False, "scale_parameter": False, "warmup_init": False}
PREPRINT = "dadaptation.experimental.DAdaptAdamPreprint"

KINDS = (
    Kind("AdamW", "torch.optim.AdamW", FUSED),
    Kind("AdamW8bit", "bitsandbytes.optim.AdamW8bit"),
    Kind("PagedAdamW", "bitsandbytes.optim.PagedAdamW"),
    Kind("PagedAdamW32bit", "bitsandbytes.optim.PagedAdamW32bit"),
    Kind("PagedAdamW8bit", "bitsandbytes.optim.PagedAdamW8bit"),
    Kind("Lion", "pytorch_optimizer.Lion"),
    Kind("Lion8bit", "bitsandbytes.optim.Lion8bit"),
    Kind("PagedLion8bit", "bitsandbytes.optim.PagedLion8bit"),
    Kind("SGDNesterov", "torch.optim.SGD", NESTEROV),
    Kind(
        "SGDNesterov8bit",
        "bitsandbytes.optim.SGD8bit",
        NESTEROV,
        "bitsandbytes takes plain momentum instead of Nesterov's",
    ),
    Kind("DAdaptation", PREPRINT),
    Kind("DAdaptAdamPreprint", PREPRINT),
    Kind("DAdaptAdam", "dadaptation.DAdaptAdam"),
    Kind("DAdaptAdaGrad", "dadaptation.DAdaptAdaGrad"),
    Kind("DAdaptAdan", "dadaptation.DAdaptAdan"),
    Kind("DAdaptAdanIP", "dadaptation.experimental.DAdaptAdanIP"),
    Kind("DAdaptLion", "dadaptation.DAdaptLion"),
    Kind("DAdaptSGD", "dadaptation.DAdaptSGD"),
    Kind("Prodigy", "prodigyopt.Prodigy"),
    Kind("Adafactor", "transformers.optimization.Adafactor", FIXED_RATE),
    Kind("CAME", "pytorch_optimizer.CAME"),
    Kind("AdamWScheduleFree", "schedulefree.AdamWScheduleFree"),
    Kind("RAdamScheduleFree", "schedulefree.RAdamScheduleFree"),
    Kind("SGDScheduleFree", "schedulefree.SGDScheduleFree"),
)
BY_NAME = {kind.name.lower(): kind for kind in KINDS}


def kind_of(name: str) -> Kind:
    """The optimizer called so, whatever the case of its letters, or a class by its dotted path.

    Raises ``UsageError`` for an unknown name, with the nearest known one.
    """
    if kind := BY_NAME.get(name.lower()):
        return kind
    if "." in name:
        return Kind(name, name)
    close = difflib.get_close_matches(name.lower(), BY_NAME, n=1)
    known = ", ".join(kind.name for kind in KINDS)
    raise UsageError(
        f"optimizer_type: unknown optimizer '{name}'",
        f"did you mean {BY_NAME[close[0]].name}?"
        if close
        else f"known: {known}; or a class by its dotted path, such as torch.optim.RAdam",
    )
