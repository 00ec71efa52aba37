"""Where the parts of a CLIP text encoder are, in each version of transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


def body(text_encoder: nn.Module) -> Any:
    """The part with ``embeddings``, ``encoder`` and ``final_layer_norm``.

    transformers 5 lays ``CLIPTextModel`` out flat; before, it sat under ``text_model``.
    """
    return getattr(text_encoder, "text_model", text_encoder)
