"""Trains the demo matting model: python -m sample_data.make.train_matting

The file keeps the contract of U2-Net (NCHW, ImageNet-normalised, 320 px; one map out), so that
rembg runs it as a custom session. Inside, the picture is pooled to 160 px at once.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from . import data
from .degrade import blurred
from .loop import MODELS, Log, batches, load_state, optimizer_for, prepare, save_state, warm_cosine
from .onnx_file import write_onnx

SIDE, POOL = 320, 2
OUT = MODELS / "demo-matting"
# rembg looks for a custom model under its own home; the file name is free.
FILE = OUT / "model.onnx"
MEAN = torch.tensor((0.485, 0.456, 0.406)).reshape(1, 3, 1, 1)
STD = torch.tensor((0.229, 0.224, 0.225)).reshape(1, 3, 1, 1)


def look(inside: int, outside: int, stride: int = 1) -> nn.Sequential:
    """A normalised convolution."""
    conv = nn.Conv2d(inside, outside, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outside), nn.ReLU())


class Matting(nn.Module):
    """A small U-Net: logits of the character for normalised pictures, same size."""

    def __init__(self, widths: tuple[int, ...] = (10, 20, 32, 48, 56)) -> None:
        super().__init__()
        self.first = look(3, widths[0])
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList(nn.Sequential(look(a, b, 2), look(b, b)) for a, b in pairs)
        self.up = nn.ModuleList(look(a + b, a) for a, b in reversed(pairs))
        self.last = nn.Conv2d(widths[0], 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Down with what is remembered, up with what is recalled."""
        x = self.first(x)
        seen = []
        for step in self.down:
            seen.append(x)
            x = step(x)
        for step in self.up:
            wide = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = step(torch.cat((wide, seen.pop()), 1))
        return self.last(x)


class Exported(nn.Module):
    """The U2-Net contract around a matting model."""

    def __init__(self, matting: Matting) -> None:
        super().__init__()
        self.matting = matting

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """The character's alpha in 0..1 at the size of the input."""
        logits = self.matting(F.avg_pool2d(picture, POOL))
        wide = F.interpolate(logits, scale_factor=POOL, mode="bilinear", align_corners=False)
        return torch.sigmoid(wide)


def write(matting: Matting, file: Path = FILE) -> None:
    """The ONNX file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_onnx(Exported(matting), torch.randn(1, 3, SIDE, SIDE), "alpha", file)


def iou(alpha: torch.Tensor, mask: torch.Tensor) -> float:
    """Intersection over union of the halves above 0.5, mean over pictures."""
    said, true = alpha > 0.5, mask > 0.5
    both, any_ = (said & true).sum((1, 2, 3)), (said | true).sum((1, 2, 3))
    return float((both / any_.clamp(min=1)).mean())


def rough(pictures: torch.Tensor) -> torch.Tensor:
    """Unsharp, tinted and noisy pictures; nothing moves, so the masks stay true."""
    if torch.rand(()) < 0.3:
        pictures = blurred(pictures, float(torch.rand(()) * 0.8 + 0.3))
    tint = 1 + (torch.rand(len(pictures), 3, 1, 1) - 0.5) * 0.2
    noise = torch.randn_like(pictures) * torch.rand(len(pictures), 1, 1, 1) ** 2 * 0.05
    return (pictures * tint + noise).clamp(0, 1)


def matting_loss(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Cross-entropy keeps the edge honest, the overlap term keeps thin parts from being lost."""
    alpha = torch.sigmoid(logits)
    overlap = 1 - (2 * (alpha * mask).sum((1, 2, 3)) + 1) / ((alpha + mask).sum((1, 2, 3)) + 1)
    return F.binary_cross_entropy_with_logits(logits, mask) + 0.3 * overlap.mean()


def train(args: argparse.Namespace) -> None:
    """The whole run; an existing checkpoint is continued."""
    prepare(args.seed)
    views = data.views(data.TRAIN_SEED, args.count, args.cache)
    matting = Matting().to(memory_format=torch.channels_last)
    optimizer = optimizer_for(matting, args.lr)
    first, state_path, log = 0, args.cache / args.state, Log()
    if (state := load_state(state_path)) is not None and not args.fresh:
        matting.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    chosen = batches(args.count, args.batch, args.seed + first)
    for step in range(first, args.steps):
        pictures, mask = picked(views, next(chosen).numpy())
        seen = ((rough(pictures) - MEAN) / STD).contiguous(memory_format=torch.channels_last)
        logits = matting(seen)
        loss = matting_loss(logits, mask)
        for group in optimizer.param_groups:
            group["lr"] = args.lr * warm_cosine(step, args.steps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.add(step + 1, loss=loss.item(), iou=iou(torch.sigmoid(logits), mask))
        if (step + 1) % 250 == 0 or step + 1 == args.steps:
            model, optim = matting.state_dict(), optimizer.state_dict()
            save_state(state_path, model=model, optimizer=optim, step=step + 1)
    write(matting.eval())


def picked(views: data.Arrays, index: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch of pictures and masks, mirrored in half of the cases."""
    pictures = torch.from_numpy(views["squashed"][index]).permute(0, 3, 1, 2).float() / 255
    mask = torch.from_numpy(views["masks"][index])[:, None].float() / 255
    if torch.rand(()) < 0.5:
        pictures, mask = pictures.flip(3), mask.flip(3)
    return pictures, mask


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--count", type=int, default=14000, help="pictures to paint")
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--cache", type=Path, default=data.CACHE)
    parser.add_argument("--state", default="matting.pt", help="checkpoint name inside the cache")
    parser.add_argument("--fresh", action="store_true", help="ignore an older checkpoint")
    return parser.parse_args()


if __name__ == "__main__":
    train(arguments())
