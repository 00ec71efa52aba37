"""What each use of a picture looks like to the UNet: latents, the place of the cut, the mask.

Most pictures are encoded before the first step. One whose colours or cut change from use to use is
decoded and encoded anew each time; then the VAE stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from dataprep.errors import DataprepError
from dataprep.images import BadImage
from dataprep.jobs import Job, Progress
from dataprep.report import Issue
from train import noise
from train.config import TrainConfig
from train.data.item import Item, Use
from train.pictures import cache
from train.pictures.cache import FOLDER as FOLDER
from train.pictures.cache import STAGE, Key
from train.pictures.encoding import Encoder, Latents
from train.pictures.pixels import centred, cut_out, mask_of, on_latents, picture_of, to_tensor
from train.pictures.varying import cut_of, is_mirrored, letterbox, shade_of, shaded


@dataclass(frozen=True, slots=True)
class View:
    """One use of a picture."""

    latents: torch.Tensor
    """(channels, height/8, width/8), one draw, float32, not multiplied by the scaling factor."""
    corner: tuple[int, int]
    """Left and top of the cut in the resized, and perhaps mirrored, picture (pixels)."""
    mask: torch.Tensor | None = None
    """(1, height/8, width/8), 0..1, float32; None: everything counts."""
    is_mirrored: bool = False


@dataclass(slots=True)
class Views:
    """The pictures of a run, ready to be looked at."""

    seed: int
    is_kohya: bool
    latents: dict[Key, Latents] = field(default_factory=dict)
    masks: dict[str, torch.Tensor] = field(default_factory=dict)
    """By item name; not mirrored."""
    encoder: Encoder | None = None
    """For pictures that are encoded anew at each use."""

    def look(self, use: Use, epoch: int, step: int) -> View:
        """One use as it looks in an epoch and step; see ``look_many``."""
        return self.look_many([use], epoch, step)[0]

    def look_many(self, uses: Sequence[Use], epoch: int, step: int) -> list[View]:
        """The uses of a batch, all of one bucket; no draw depends on the others.

        Raises ``DataprepError`` for a picture that cannot be read any more.
        """
        live = [use for use in uses if use.item.augment.is_live]
        encoded = dict(zip(live, self._encoded(live, epoch), strict=True))
        return [self._view(use, encoded.get(use), epoch, step) for use in uses]

    def sizes(self, use: Use, view: View) -> tuple[int, int, int, int, int, int]:
        """What SDXL is told: height and width of the picture, top and left of the cut, height and
        width of the bucket (arXiv 2307.01952, §2.2).

        With ``compat = "kohya"`` top and left are those that sd-scripts tells.
        """
        item = use.item
        left, top = letterbox(item, view.is_mirrored) if self.is_kohya else view.corner
        return (*item.size[::-1], top, left, *item.bucket[::-1])

    def _view(self, use: Use, live: Latents | None, epoch: int, step: int) -> View:
        item, flip = use.item, is_mirrored(use, self.seed, epoch)
        latents = self.latents[item.name, flip] if live is None else live
        source = noise.generator(self.seed, "latents", step, item.name, use.repeat)
        mask = self.masks.get(item.name) if live is None else self._live_mask(use, epoch)
        return View(
            latents.sample(source),
            cut_of(use, self.seed, epoch).corner(flip),
            mask.flip(-1) if mask is not None and flip else mask,
            flip,
        )

    def _encoded(self, uses: Sequence[Use], epoch: int) -> list[Latents]:
        if not uses:
            return []
        assert self.encoder is not None
        names = [use.item.name for use in uses]
        images = torch.stack([self._live_pixels(use, epoch) for use in uses])
        encoded = self.encoder.encode(images, names)
        self.encoder.tell()
        for name, latents in zip(names, encoded, strict=True):
            if not latents.is_finite:
                raise DataprepError(
                    f"{name}: the VAE gives values that are not finite numbers",
                    "take the picture out, or name another vae",
                )
        return encoded

    def _live_pixels(self, use: Use, epoch: int) -> torch.Tensor:
        try:
            cut = cut_out(picture_of(use.item), cut_of(use, self.seed, epoch))
        except BadImage as error:
            raise DataprepError(f"{use.item.name}: {error.message}") from None
        pixels = shaded(cut, shade_of(use, self.seed, epoch))
        return to_tensor(pixels, is_mirrored(use, self.seed, epoch))

    def _live_mask(self, use: Use, epoch: int) -> torch.Tensor | None:
        try:
            mask = mask_of(use.item)
        except BadImage as error:
            raise DataprepError(f"{use.item.name}: {error.message}") from None
        return None if mask is None else on_latents(cut_out(mask, cut_of(use, self.seed, epoch)))


def prepare(
    config: TrainConfig,
    vae: nn.Module,
    items: Sequence[Item],
    folder: Path,
    stop: Callable[[], bool] = lambda: False,
) -> Job[tuple[Views, list[Issue]]]:
    """Encode what can be encoded once, with ``folder`` as its cache on disk, and read the masks.

    A picture that is of no use becomes a fatal issue. When ``stop`` says yes the rest is left out.
    """
    encoder = Encoder(vae, config.vae_batch_size)
    still = [item for item in items if not item.augment.is_live]
    latents, issues = yield from cache.prepare(
        encoder, still, folder, keep=config.cache_latents_to_disk, stop=stop
    )
    views = Views(config.seed, config.is_kohya, latents)
    if len(still) < len(items):
        views.encoder = encoder
    checked = [item for item in items if item.augment.is_live or item.mask or item.alpha_mask]
    for number, item in enumerate(checked):
        yield Progress(number, len(checked), "looking at pictures and masks", stage=STAGE)
        if stop():
            break
        issue = _look_at(views, item)
        if issue is not None and issue.file not in {known.file for known in issues if known.fatal}:
            issues.append(issue)
    return views, issues


def _look_at(views: Views, item: Item) -> Issue | None:
    """Keep an item's mask, or see that a live one can be read; what is wrong with it."""
    try:
        if item.augment.is_live:
            picture_of(item)
        mask = mask_of(item)
    except BadImage as error:
        return Issue(item.name, "bad-image", error.message)
    if mask is None:
        return None if item.is_reg or not item.alpha_mask else _no_alpha(item)
    if item.augment.is_live:
        return None
    views.masks[item.name] = kept = on_latents(cut_out(mask, centred(item)))
    if not kept.any():
        reason = "its mask is dark everywhere: nothing of the picture counts"
        return Issue(item.name, "dark-mask", reason, fatal=False)
    return None


def _no_alpha(item: Item) -> Issue:
    reason = "no alpha channel for a mask: all of the picture counts"
    return Issue(item.name, "no-mask", reason, fatal=False)
