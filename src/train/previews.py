"""Samples while training: the network as it is now draws its prompts, always from the same noise.

Every draw is a function of seed and prompt, so a run with samples learns bit for bit what one
without them learns.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from dataprep.errors import DataprepError
from dataprep.jobs import Progress
from dataprep.settings import build
from train import draw, models
from train.config import LATENT_PIXELS, TrainConfig
from train.control import Say
from train.data import Item
from train.prompts import SamplePrompt, parse, plain
from train.seeds import stable_seed

log = logging.getLogger("train")

SEED_BITS = 32
"""Other programs, in which one may want to draw the same picture, know no larger seeds."""


def due(config: TrainConfig, step: int, steps_per_epoch: int) -> bool:
    """Whether the config asks for samples after so many steps."""
    if step == 0:
        return config.sample_at_first
    every = config.sample_every_n_steps
    epochs = config.sample_every_n_epochs
    by_steps = every is not None and step % every == 0
    return by_steps or (epochs is not None and step % (epochs * steps_per_epoch) == 0)


def prompts(config: TrainConfig, items: Sequence[Item]) -> tuple[SamplePrompt, ...]:
    """What is drawn: the config's prompts, or the trigger alone and with the kept tags.

    Where there is no trigger either, the first caption has to do. Raises ``UsageError`` for an
    option that no prompt has.
    """
    concept = config.concept
    texts = config.sample_prompts
    if not texts and concept.trigger_word:
        kept = ", ".join((concept.trigger_word, *concept.kept_tags))
        texts = tuple(dict.fromkeys((concept.trigger_word, kept)))
    if not texts:
        return (plain(items[0].caption),)
    return tuple(parse(text) for text in texts)


def seed_of(config: TrainConfig, prompt: str) -> int:
    """The seed of a prompt's noise, the same at every step."""
    return stable_seed(config.seed, "sample", prompt) % 2**SEED_BITS


@dataclass(frozen=True, slots=True)
class Easel:
    """What the samples of a run are drawn with; the LoRA is attached to the base already."""

    config: TrainConfig
    base: models.Base
    dtype: torch.dtype
    folder: Path
    prompts: tuple[SamplePrompt, ...]
    say: Say
    stop: Callable[[], bool]

    def paint(self, now: Progress) -> Iterator[Progress]:
        """Draw one picture for each prompt. What goes wrong here does not end the training."""
        try:
            with models.explained_memory(), torch.no_grad():
                yield from self._paint(now)
        except (DataprepError, OSError) as error:
            reason = error.message if isinstance(error, DataprepError) else str(error)
            log.warning("no samples: %s", reason)
            self.say({"event": "note", "text": f"no samples: {reason}"})
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    @property
    def _device(self) -> torch.device:
        return self.base.alphas_cumprod.device

    def _paint(self, now: Progress) -> Iterator[Progress]:
        yield replace(now, note="loading the VAE for samples")
        vae = models.load_vae(models.source_of(self.config), self._device)
        self.folder.mkdir(parents=True, exist_ok=True)
        for number, wanted in enumerate(self.prompts):
            request = request_of(self.config, wanted, self.folder)
            cell = draw.Cell(0, request.seeds[0])
            latents = torch.empty(0)
            with models.autocast(self._device, self.dtype):
                for done, latents in enumerate(draw.denoise(request, self.base, [cell]), start=1):  # noqa: B007
                    yield replace(now, note=f"drawing {wanted.prompt} ({done}/{request.steps})")
                    if self.stop():
                        return
            (pixels,) = draw.decode(vae, latents.float())
            path = self.folder / f"{now.done:06d}_{number}.png"
            draw.write(path, pixels, draw.parameters(request, cell))
            log.info("step %d: sample of %r: %s", now.done, wanted.prompt, path)
            self.say(
                {
                    "event": "sample",
                    "step": now.done,
                    "prompt": wanted.prompt,
                    "seed": cell.seed,
                    "path": str(path),
                }
            )


def request_of(config: TrainConfig, wanted: SamplePrompt, folder: Path) -> draw.DrawRequest:
    """The picture that a prompt asks for, drawn as the config trains."""
    sides = (side // LATENT_PIXELS * LATENT_PIXELS for side in config.resolution)
    width, height = sides
    values: dict[str, Any] = {
        "model": config.pretrained_model_name_or_path,
        "prompts": (wanted.prompt,),
        "negative": wanted.negative,
        "width": wanted.width or width,
        "height": wanted.height or height,
        "clip_skip": config.clip_skip,
        "weighted_prompts": config.weighted_captions,
        "out_dir": folder,
        "seeds": (seed_of(config, wanted.prompt) if wanted.seed is None else wanted.seed,),
    }
    optional = {"steps": wanted.steps, "guidance": wanted.guidance}
    given = {key: value for key, value in optional.items() if value is not None}
    return build(draw.DrawRequest, {**values, **given}, "sample_prompts")
