"""Drawing words by chance, each picture from a generator of its own; and stopping in between.

Both classes are called by the library's loop, of which they need nothing but that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dataprep.captioners.parts import Generation, Stop


class Nucleus:
    """Makes the likeliest word a fair draw from the nucleus of each row.

    The largest of score + Gumbel noise is a draw from the softmax of the scores
    (https://arxiv.org/abs/1611.01144, section 2). The library's own sampling takes the numbers of
    one generator for the whole batch, so that a picture's text would depend on its neighbours.
    """

    def __init__(self, generation: Generation, seeds: Sequence[int]) -> None:
        import torch
        from transformers import TemperatureLogitsWarper, TopPLogitsWarper

        self._warpers: list[Any] = []
        if generation.temperature != 1:
            self._warpers.append(TemperatureLogitsWarper(generation.temperature))
        if generation.top_p < 1:
            self._warpers.append(TopPLogitsWarper(generation.top_p))
        # on the CPU: there a seed gives the same numbers with any graphics card
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores of shape (rows, vocabulary) → the same with noise."""
        import torch

        for warper in self._warpers:
            scores = warper(input_ids, scores)
        width = scores.shape[1]
        drawn = torch.stack([torch.rand(width, generator=own) for own in self._generators])
        # float32 has zeros among its random numbers, of which there is no logarithm
        noise = -torch.log(-torch.log(drawn.clamp(1e-20, 1 - 1e-7)))
        return scores + noise.to(scores.device)


class Stopping:
    """Ends the generation as soon as somebody wants that."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        """For each row whether it is finished."""
        import torch

        return torch.full((len(input_ids),), self._stop(), device=input_ids.device)
