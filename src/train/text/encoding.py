"""From captions to what the UNet is conditioned on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from dataprep.errors import UsageError
from dataprep.tokens import CHUNK
from train.models.base import Base, TextPart
from train.text.conditioning import Conditioning
from train.text.layers import body
from train.text.rules import TextRules
from train.text.tokens import Chunk, blank, chunks

PENULTIMATE = 2
"""SDXL reads both encoders one layer before the last, without the final norm (arXiv 2307.01952)."""
LOST_MEAN = 1e-3
"""A mean below this share of the states' size is rounding; to divide by it would be to guess."""


def encode(base: Base, captions: Sequence[str], rules: TextRules) -> Conditioning:
    """The captions as the UNet sees them; gradients flow where they are switched on.

    Each is read in parts of 75 tokens, and what CLIP answers is put together again as begin, the
    insides of the parts, end: (batch, 75·parts + 2, width). All have as many parts as the longest
    of them needs (A1111 does so with prompt and negative prompt); with ``full_length`` as many as
    ``max_token_length`` allows. SD1 and SD2 take the ``clip_skip``-th layer from the end through
    the final norm; SDXL ignores ``clip_skip``. Raises ``UsageError`` for a layer that is not there.
    """
    rows = [[chunks(part.tokenizer, caption, rules) for caption in captions] for part in base.texts]
    count = max(len(row) for part_rows in rows for row in part_rows)
    if rules.full_length:
        count = rules.max_token_length // CHUNK
    read = [
        _read(base, part, _filled(part.tokenizer, part_rows, count), rules)
        for part, part_rows in zip(base.texts, rows, strict=True)
    ]
    hidden = torch.cat([hidden for hidden, _ in read], dim=-1)
    return Conditioning(hidden, read[-1][1])


def _filled(tokenizer: Any, rows: Sequence[Sequence[Chunk]], count: int) -> list[list[Chunk]]:
    """Rows of ``count`` parts each."""
    empty = blank(tokenizer)
    return [[*row, *[empty] * (count - len(row))] for row in rows]


def _read(
    base: Base, part: TextPart, rows: Sequence[Sequence[Chunk]], rules: TextRules
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Hidden states of one encoder, (batch, 75·parts + 2, width), and the pooled ones if SDXL's."""
    flat = [chunk for row in rows for chunk in row]
    ids = torch.tensor([chunk.ids for chunk in flat], device=base.device)
    answer = part.encoder(ids, output_hidden_states=True)
    if base.family == "sdxl":
        states = answer.hidden_states[-PENULTIMATE]
    else:
        states = _skipped(part.encoder, answer.hidden_states, rules.clip_skip)
    if any(weight != 1 for chunk in flat for weight in chunk.weights):
        weights = torch.tensor([chunk.weights for chunk in flat], device=base.device)
        states = weigh(states, weights, restore_mean=rules.restore_mean)
    hidden = joined(states.unflatten(0, (len(rows), -1)))
    if not hasattr(part.encoder, "text_projection"):
        return hidden, None
    first = slice(None, None, len(rows[0]))
    end = int(part.tokenizer.eos_token_id)
    return hidden, pooled(part.encoder, answer.last_hidden_state[first], ids[first], end)


def _skipped(encoder: nn.Module, states: Sequence[torch.Tensor], clip_skip: int) -> torch.Tensor:
    """The ``clip_skip``-th layer from the end, normed.

    The state of an earlier layer goes through the final norm as well: that is how models trained
    with clip skip 2 were trained.
    """
    layers = len(states) - 1
    if clip_skip > layers:
        raise UsageError(
            f"clip_skip = {clip_skip}: the text encoder of this base has only {layers} layers",
            "1 takes the last one, 2 the one before it",
        )
    normed: torch.Tensor = body(encoder).final_layer_norm(states[-clip_skip])
    return normed


def joined(states: torch.Tensor) -> torch.Tensor:
    """(batch, parts, 77, width) → (batch, 75·parts + 2, width): one begin, the insides, one end."""
    begin, end = states[:, 0, :1], states[:, -1, -1:]
    return torch.cat([begin, states[:, :, 1:-1].flatten(1, 2), end], dim=1)


def weigh(states: torch.Tensor, weights: torch.Tensor, *, restore_mean: bool) -> torch.Tensor:
    """States (rows, 77, width) times the weight of each token (rows, 77).

    ``restore_mean`` then scales each row so that its mean is what it was, which is what A1111 does
    with a prompt of its own. Other rows play no part in it.
    """
    # bf16 has three digits: too few for a quotient of means
    exact = states.float()
    changed = exact * weights.unsqueeze(-1)
    if restore_mean:
        before, after = (mean.mean(dim=(1, 2), keepdim=True) for mean in (exact, changed))
        floor = LOST_MEAN * changed.abs().mean(dim=(1, 2), keepdim=True)
        lost = (after.abs() <= floor) | weights.eq(1).all(dim=1).view(-1, 1, 1)
        changed = changed * torch.where(lost, 1.0, before / torch.where(lost, 1.0, after))
    return changed.to(states.dtype)


def pooled(encoder: nn.Module, states: torch.Tensor, ids: torch.Tensor, end: int) -> torch.Tensor:
    """The projection of what stands at the first end mark, (batch, width).

    ``states`` (batch, 77, width) are the last ones, normed; ``ids`` (batch, 77). transformers looks
    for the highest id where a config has the old ``eos_token_id`` of 2, which is the end mark only
    as long as no token was added; here the tokenizer says what the end mark is.
    """
    places = ids.eq(end).int().argmax(dim=1)
    rows = torch.arange(len(ids), device=states.device)
    projected: torch.Tensor = encoder.text_projection(states[rows, places])
    return projected
