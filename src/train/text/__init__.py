"""From a caption to what the UNet is conditioned on: variation, tokens, text encoding."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from train.text.layers import body as body
from train.text.rules import CaptionRules as CaptionRules
from train.text.rules import TextRules as TextRules
from train.text.rules import rules_of as rules_of
from train.text.tokens import chunks as chunks
from train.text.tokens import cut as cut
from train.text.tokens import cut_tags as cut_tags
from train.text.tokens import token_count as token_count
from train.text.vary import caption_of as caption_of
from train.text.vary import vary as vary

if TYPE_CHECKING:
    from train.text.conditioning import Conditioning as Conditioning
    from train.text.conditioning import ask as ask
    from train.text.encoding import encode as encode

# a plan of a run reads pictures and captions, and is not to wait for torch
WITH_TORCH = {"Conditioning": "conditioning", "ask": "conditioning", "encode": "encoding"}


def __getattr__(name: str) -> Any:
    if name not in WITH_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{WITH_TORCH[name]}"), name)
