"""What the four training scripts share: seeds, schedules, averages, checkpoints, safe writing."""

from __future__ import annotations

import copy
import math
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

MODELS = Path(__file__).parents[1] / "models"
THREADS = 2


def prepare(seed: int) -> None:
    """One seed for weights and batches; two threads, as the recorded times were taken with."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(seed)


def warm_cosine(step: int, steps: int, warmup: int = 100) -> float:
    """The factor on the learning rate: linear warm-up, then half a cosine down to 2 %."""
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def optimizer_for(model: nn.Module, lr: float, decay: float = 0.01) -> torch.optim.AdamW:
    """AdamW whose decay spares norms and biases."""
    named = [p for p in model.parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in named if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in named if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98))


class Average:
    """An exponential moving average of a model: what is sampled from and saved."""

    def __init__(self, model: nn.Module, decay: float = 0.998) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Follows closely at first, or the random start would linger in the average."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for mine, theirs in zip(self.model.parameters(), model.parameters(), strict=True):
            mine.lerp_(theirs, 1 - decay)
        for mine, theirs in zip(self.model.buffers(), model.buffers(), strict=True):
            mine.copy_(theirs)


def batches(count: int, size: int, seed: int) -> Iterator[torch.Tensor]:
    """Endless shuffled index batches of one corpus."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(count, generator=generator)
        yield from (order[at : at + size] for at in range(0, count - size + 1, size))


def save_state(path: Path, **state: Any) -> None:
    """A checkpoint that is either the old one or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def load_state(path: Path) -> dict[str, Any] | None:
    """The checkpoint of a killed run, if there is one."""
    return torch.load(path, weights_only=True) if path.exists() else None


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """A fresh folder that takes the place of `folder` only once it is complete."""
    fresh, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    for stale in (fresh, old):
        shutil.rmtree(stale, ignore_errors=True)
    fresh.mkdir(parents=True)
    yield fresh
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


class Log:
    """Prints the mean of each number now and then, and how long a step takes."""

    def __init__(self, every: int = 50, say: Callable[[str], None] | None = None) -> None:
        self.every, self.say = every, say or (lambda line: print(line, flush=True))
        self.sums: dict[str, float] = {}
        self.since, self.count = time.monotonic(), 0

    def add(self, step: int, **numbers: float) -> None:
        """Adds one step's numbers."""
        self.count += 1
        for key, value in numbers.items():
            self.sums[key] = self.sums.get(key, 0.0) + float(value)
        if step % self.every == 0:
            self._print(step)

    def _print(self, step: int) -> None:
        means = " ".join(f"{key} {value / self.count:.4f}" for key, value in self.sums.items())
        pace = (time.monotonic() - self.since) / self.count
        self.say(f"step {step:5d}  {means}  {pace:.3f} s/step")
        self.sums, self.since, self.count = {}, time.monotonic(), 0
