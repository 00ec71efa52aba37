"""Trains the demo tagger: python -m sample_data.make.train_tagger

The file it writes keeps the contract of the WD14 taggers (NHWC, BGR, 0..255, 448 px, sigmoid
inside), so that whatever runs those runs this. Inside, the picture is pooled to 112 px at once.
Needs the autoencoder of sample_data.make.train_autoencoder, unless --decoded is 0.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from . import data
from .decoded import decoded_views
from .degrade import degraded
from .loop import MODELS, Log, batches, load_state, optimizer_for, prepare, save_state, warm_cosine
from .onnx_file import write_onnx
from .world import VOCABULARY

SIDE, POOL = 448, 4
OUT = MODELS / "demo-tagger"


class Separable(nn.Module):
    """A residual depthwise-separable block: most of the sight for few of the weights."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.deep = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.wide = nn.Conv2d(width, width, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The input plus what was seen in it."""
        return F.relu(x + self.norm2(self.wide(F.relu(self.norm1(self.deep(x))))))


def halving(inside: int, outside: int) -> nn.Sequential:
    """A step down to half the size, and a look around there."""
    conv = nn.Conv2d(inside, outside, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outside), nn.ReLU(), Separable(outside))


class Tagger(nn.Module):
    """Logits per tag for RGB pictures in 0..1 at 112 px."""

    def __init__(self, outputs: int = len(VOCABULARY)) -> None:
        super().__init__()
        widths = (24, 48, 80, 128)
        self.trunk = nn.Sequential(
            *(halving(a, b) for a, b in zip((3, *widths), widths, strict=False)),
            Separable(widths[-1]),
        )
        self.head = nn.Linear(2 * widths[-1], outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Mean and maximum over the picture: how much there is, and whether there is any."""
        seen = self.trunk(x * 2 - 1)
        return self.head(torch.cat((seen.mean((2, 3)), seen.amax((2, 3))), 1))


class Exported(nn.Module):
    """The WD14 contract around a tagger."""

    def __init__(self, tagger: Tagger) -> None:
        super().__init__()
        self.tagger = tagger

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """NHWC BGR 0..255 in, probabilities out."""
        planes = F.avg_pool2d(picture.permute(0, 3, 1, 2), POOL) / 255
        blue, green, red = planes.split(1, 1)
        return torch.sigmoid(self.tagger(torch.cat((red, green, blue), 1)))


def write(tagger: Tagger, counts: np.ndarray, folder: Path = OUT) -> None:
    """model.onnx and selected_tags.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    example = torch.rand(1, SIDE, SIDE, 3) * 255
    write_onnx(Exported(tagger), example, "output", folder / "model.onnx")
    with (folder / "selected_tags.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("tag_id", "name", "category", "count"))
        for number, (tag, count) in enumerate(zip(VOCABULARY, counts, strict=True)):
            rows.writerow((number, tag.name, tag.category, int(count)))


def macro_f1(scores: np.ndarray, truth: np.ndarray, threshold: float = 0.35) -> float:
    """The mean F1 over the tags that occur in the truth."""
    said, true = scores >= threshold, truth > 0
    hits = (said & true).sum(0)
    f1 = 2 * hits / np.maximum(said.sum(0) + true.sum(0), 1)
    return float(f1[true.any(0)].mean())


@torch.no_grad()
def held_out_f1(tagger: Tagger, views: data.Arrays) -> float:
    """F1 on clean pictures nobody trained on; the judge measures the file itself."""
    tagger.eval()
    pictures = torch.from_numpy(views["padded"]).permute(0, 3, 1, 2).float() / 255
    small = F.interpolate(pictures, size=SIDE // POOL, mode="bilinear", antialias=True)
    scores = torch.sigmoid(tagger(small)).numpy()
    tagger.train()
    return macro_f1(scores, views["rows"])


def train(args: argparse.Namespace) -> None:
    """The whole run; an existing checkpoint is continued."""
    prepare(args.seed)
    views = data.views(data.TRAIN_SEED, args.count, args.cache)
    held_out = data.views(data.HELD_OUT_SEED, 400, args.cache)
    padded, rows = views["padded"], views["rows"]
    if args.decoded:
        extra = decoded_views(args.decoded, args.cache)
        padded = np.concatenate((padded, extra["padded"]))
        rows = np.concatenate((rows, extra["rows"]))
    tagger = Tagger()
    optimizer = optimizer_for(tagger, args.lr)
    first, state_path, log = 0, args.cache / args.state, Log()
    if (state := load_state(state_path)) is not None and not args.fresh:
        tagger.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    chosen = batches(len(padded), args.batch, args.seed + first)
    for step in range(first, args.steps):
        index = next(chosen).numpy()
        pictures = torch.from_numpy(padded[index]).permute(0, 3, 1, 2).float() / 255
        truth = torch.from_numpy(rows[index]).float()
        loss = F.binary_cross_entropy_with_logits(tagger(degraded(pictures, SIDE // POOL)), truth)
        for group in optimizer.param_groups:
            group["lr"] = args.lr * warm_cosine(step, args.steps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.add(step + 1, loss=loss.item())
        if (step + 1) % 250 == 0 or step + 1 == args.steps:
            print(f"held-out F1 {held_out_f1(tagger, held_out):.4f}", flush=True)
            model, optim = tagger.state_dict(), optimizer.state_dict()
            save_state(state_path, model=model, optimizer=optim, step=step + 1)
    write(tagger.eval(), rows.sum(0))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--count", type=int, default=14000, help="pictures to paint")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--cache", type=Path, default=data.CACHE)
    parser.add_argument("--state", default="tagger.pt", help="checkpoint name inside the cache")
    parser.add_argument("--fresh", action="store_true", help="ignore an older checkpoint")
    parser.add_argument("--decoded", type=int, default=4000, help="pictures through the base")
    return parser.parse_args()


if __name__ == "__main__":
    train(arguments())
