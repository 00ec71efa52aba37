"""Short whole runs on a tiny base, and what they leave behind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tiny_base
import torch

from dataprep.jobs import Progress, finish
from train import lora_file
from train.recipe import train

STARTED = 1_700_000_000.0
RATES = {"unet_lr": 1e-2, "text_encoder_lr": 1e-2, "save_precision": "float"}
SHORT: dict[str, Any] = {
    "max_train_epochs": None,
    "max_train_steps": 2,
    "save_every_n_epochs": 0,
    "network_dim": 2,
}
MIDDLE = {"block_dims": [0] * 12 + [2] + [0] * 12}
"""The middle of SD1's UNet alone."""
UNET = {**SHORT, **MIDDLE, "text_encoder_lr": 0}


@dataclass(frozen=True, slots=True)
class Trained:
    """What a run said and left."""

    report: dict[str, Any]
    training: list[Progress]

    @property
    def losses(self) -> list[float]:
        return [now.facts["loss"] for now in self.training]

    @property
    def path(self) -> Path:
        return Path(self.report["lora"])

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        return lora_file.load(self.path)[0]

    @property
    def about(self) -> dict[str, str]:
        return lora_file.load(self.path)[1]

    def of(self, beginning: str) -> dict[str, torch.Tensor]:
        """The weights of the modules whose names begin so."""
        return {key: value for key, value in self.weights.items() if key.startswith(beginning)}


def run(base: Path, root: Path, stop_after: int | None = None, **values: Any) -> Trained:
    """Train over ``root/img``; asked to stop after so many steps, if given."""
    said: list[Progress] = []

    def told() -> bool:
        return stop_after is not None and any(now.done >= stop_after for now in said)

    def listen(now: Progress) -> None:
        # while a sample is drawn the last step is told again, under another note
        if now.stage == "training" and now.note.startswith("epoch"):
            said.append(now)

    config = tiny_base.config(base, root, **{**RATES, **values})
    return Trained(finish(train(config, stop=told, started_at=STARTED), listen), said)


def equal(one: Trained, other: Trained) -> bool:
    """Whether two files hold the same numbers, bit for bit."""
    ours, theirs = one.weights, other.weights
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)
