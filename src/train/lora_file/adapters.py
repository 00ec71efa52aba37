"""peft's settings in a file's metadata: what alpha is where no tensor says it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from dataprep.errors import DataprepError

ADAPTER_KEY = "lora_adapter_metadata"
"""Under this diffusers puts peft's settings into a file's metadata, as JSON."""
PARTS = ("unet.", "text_encoder.", "text_encoder_2.")


class Adapters:
    """The settings of each part; of one part alone where peft itself wrote them."""

    def __init__(self, metadata: Mapping[str, str]) -> None:
        try:
            self.settings: dict[str, Any] = json.loads(metadata.get(ADAPTER_KEY, "{}"))
        except ValueError:
            raise DataprepError(f"{ADAPTER_KEY} in the LoRA file is not JSON") from None

    def alpha(self, path: str, dim: int) -> float:
        """The alpha of the module at ``path``, so that alpha / dim is peft's scale.

        Without settings it is ``dim``.
        """
        part = next((part for part in PARTS if path.startswith(part)), "")
        inner = path.removeprefix("base_model.model.").removeprefix(part)
        alpha = self._for(part, "alpha_pattern", inner)
        if alpha is None:
            alpha = self.settings.get(f"{part}lora_alpha", dim)
        root: bool = self.settings.get(f"{part}use_rslora", False)
        return float(alpha) * (dim**0.5 if root else 1.0)

    def _for(self, part: str, key: str, inner: str) -> Any:
        """The entry of a pattern table that a module's path ends in, as peft looks it up."""
        table = self.settings.get(f"{part}{key}") or {}
        for pattern, value in table.items():
            if re.match(rf"(?:.*\.)?(?:{pattern})$", inner):
                return value
        return None
