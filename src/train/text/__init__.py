"""From a caption to what the UNet is conditioned on: variation, tokens, text encoding.

The order of the variations is kohya's: drop the whole caption, shuffle the tags, drop tags.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from train.seeds import Key, shuffled, uniform

if TYPE_CHECKING:
    import torch


def vary(
    caption: str,
    seed: int,
    *keys: Key,
    shuffle: bool = False,
    keep_tokens: int = 0,
    dropout: float = 0.0,
    tag_dropout: float = 0.0,
    separator: str = "",
) -> str:
    """The caption as one use of a picture sees it; ``keys`` name the use (epoch, image, repeat).

    The first ``keep_tokens`` tags are neither moved nor dropped, unless the whole caption is. Where
    ``separator`` (kohya's keep_tokens_separator) stands, that holds for the tags before it instead,
    and for those behind a second one; itself it is never trained on.
    """
    if dropout and uniform(seed, "caption_dropout", *keys) < dropout:
        return ""
    divided = bool(separator) and separator in caption
    if not (shuffle or tag_dropout or divided):
        return caption
    kept, rest, last = _parts(caption, keep_tokens, separator if divided else "")
    if shuffle:
        rest = shuffled(rest, seed, "caption_shuffle", *keys)
    if tag_dropout:
        drawn = (uniform(seed, "tag_dropout", *keys, place) for place in range(len(rest)))
        rest = [tag for tag, chance in zip(rest, drawn, strict=True) if chance >= tag_dropout]
    return ", ".join(kept + rest + last)


def _parts(caption: str, keep_tokens: int, separator: str) -> tuple[list[str], ...]:
    """The tags that stay in front, those that may move, and those that stay at the end."""
    if not separator:
        tags = _tags(caption)
        return tags[:keep_tokens], tags[keep_tokens:], []
    kept, _, behind = caption.partition(separator)
    rest, _, last = behind.partition(separator)
    return _tags(kept), _tags(rest), _tags(last)


def _tags(text: str) -> list[str]:
    return [tag for part in text.split(",") if (tag := part.strip())]


def tokenize(tokenizer: Any, captions: Sequence[str]) -> torch.Tensor:
    """Token ids, (batch, 77): begin, at most 75 tokens, end, padding."""
    tokens = tokenizer(
        list(captions),
        padding="max_length",
        truncation=True,
        max_length=tokenizer.model_max_length,
        return_tensors="pt",
    )
    ids: torch.Tensor = tokens.input_ids
    return ids


def token_count(tokenizer: Any, caption: str) -> int:
    """How many tokens a caption has, without the two at its ends."""
    return len(tokenizer(caption, add_special_tokens=False, verbose=False).input_ids)


def body(text_encoder: torch.nn.Module) -> Any:
    """The part with ``embeddings``, ``encoder`` and ``final_layer_norm``.

    transformers 5 lays ``CLIPTextModel`` out flat; before, it sat under ``text_model``.
    """
    return getattr(text_encoder, "text_model", text_encoder)


def encode(text_encoder: torch.nn.Module, ids: torch.Tensor, clip_skip: int = 1) -> torch.Tensor:
    """Hidden states of the ``clip_skip``-th layer from the end, normed: (batch, 77, width).

    The state of an earlier layer goes through the final norm as well: that is how models
    trained with clip skip 2 were trained.
    """
    states = text_encoder(ids, output_hidden_states=True).hidden_states
    encoded: torch.Tensor = body(text_encoder).final_layer_norm(states[-clip_skip])
    return encoded
