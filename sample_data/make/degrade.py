"""What happens to pictures on their way to a tagger or a matting model, as augmentation."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def degraded(pictures: torch.Tensor, side: int) -> torch.Tensor:
    """Moved, badly scaled, blurred, tinted and noisy RGB pictures in 0..1, `side` px square.

    Scale and blur are drawn once for the batch: resizing is only fast for all at once.
    """
    moved = warped(pictures, padding=1.0)
    rough = _rescaled(moved, side)
    if torch.rand(()) < 0.5:
        rough = blurred(rough, float(torch.rand(()) * 1.0 + 0.3))
    return _noisy(_tinted(rough)).clamp(0, 1)


def warped(pictures: torch.Tensor, padding: float) -> torch.Tensor:
    """Mirrored, and turned, zoomed and shifted a little, each picture in its own way."""
    count = len(pictures)
    zoom = 1 + (torch.rand(count) - 0.5) * 0.24
    turn = (torch.rand(count) - 0.5) * 0.16
    flip = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = zoom * turn.cos() * flip, -zoom * turn.sin()
    theta[:, 1, 0], theta[:, 1, 1] = zoom * turn.sin() * flip, zoom * turn.cos()
    theta[:, :, 2] = (torch.rand(count, 2) - 0.5) * 0.12
    grid = F.affine_grid(theta, list(pictures.shape), align_corners=False)
    # grid_sample pads with zeros; the difference to the padding colour makes that any colour.
    return padding + F.grid_sample(pictures - padding, grid, align_corners=False)


def blurred(pictures: torch.Tensor, sigma: float) -> torch.Tensor:
    """A Gaussian blur."""
    reach = torch.arange(-3, 4, dtype=torch.float32)
    weights = torch.exp(-(reach**2) / (2 * sigma**2))
    weights = weights / weights.sum()
    planes = pictures.shape[1]
    for shape in ((1, 1, 7, 1), (1, 1, 1, 7)):
        kernel = weights.reshape(shape).expand(planes, 1, *shape[2:])
        room = (3, 3, 0, 0) if shape[-1] == 7 else (0, 0, 3, 3)
        pictures = F.conv2d(F.pad(pictures, room, mode="replicate"), kernel, groups=planes)
    return pictures


def _rescaled(pictures: torch.Tensor, side: int) -> torch.Tensor:
    """Half of the batches come from a small picture that was enlarged."""
    if torch.rand(()) < 0.5:
        small = int(torch.randint(side * 5 // 8, side * 8 // 7, ()))
        pictures = F.interpolate(pictures, size=small, mode="bilinear", antialias=True)
    return F.interpolate(pictures, size=side, mode="bilinear", antialias=True)


def _tinted(pictures: torch.Tensor) -> torch.Tensor:
    """Brightness, contrast, saturation and white balance off by a little."""
    count = len(pictures)
    near_one = 1 + (torch.rand(4, count, 1, 1, 1) - 0.5) * 0.3
    gray = pictures.mean(1, keepdim=True)
    pictures = gray + (pictures - gray) * near_one[0]
    pictures = (pictures - 0.5) * near_one[1] + 0.5 * near_one[2]
    return pictures * (1 + (torch.rand(count, 3, 1, 1) - 0.5) * 0.1)


def _noisy(pictures: torch.Tensor) -> torch.Tensor:
    strength = torch.rand(len(pictures), 1, 1, 1) ** 2 * 0.06
    return pictures + torch.randn_like(pictures) * strength
