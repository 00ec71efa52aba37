"""What a run leaves behind: LoRA files and states, and which older ones they replace."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from train import keeping, lora_file, optim, state
from train.config import TrainConfig
from train.control import Say
from train.data import Dataset
from train.keeping import Due, Written
from train.laying import resting
from train.models import Base
from train.networks.network import Network
from train.plan import Plan
from train.state import At
from train.targets import Targets

log = logging.getLogger("train")


@dataclass(slots=True)
class Shelf:
    """Writes what is due, and takes away what the settings let go of it."""

    config: TrainConfig
    base: Base
    targets: Targets
    network: Network
    optimizer: torch.optim.Optimizer
    scaler: Any
    dataset: Dataset
    plan: Plan
    started_at: float
    say: Say
    written: list[Written] = field(default_factory=list)
    """Files and states whose turn had come."""
    last: str | None = None
    """The LoRA file written last."""

    def after_epoch(self, at: At, *, last: bool) -> str | None:
        """Write what an epoch asks for; the LoRA file, if there is one."""
        due = keeping.due_after_epoch(self.config, at.epoch, last)
        if due is None:
            return None
        self._write(due, at)
        if not last:
            self._tidy(due, "epoch", at.epoch)
        return self.last

    def after_step(self, step: int, here: Callable[[], At]) -> None:
        """Write what a step asks for; most ask for nothing, and need not know where the run is."""
        due = keeping.due_after_step(self.config, step)
        if due is not None:
            self._write(due, here())
            self._tidy(due, "step", step)

    def when_stopped(self, at: At) -> None:
        """Write what is learned so far, at the end of a run that was stopped."""
        self._write(keeping.due_when_stopped(self.config, at.step), at)
        log.info("stopped after step %d; saved %s", at.step, self.last)

    def when_wished(self, at: At) -> None:
        """Write what is learned so far because somebody asked for it."""
        self._write(Due(keeping.step_name(self.config, at.step), self.config.save_state), at)
        log.info("saved %s", self.last)

    def _write(self, due: Due, at: At) -> None:
        path = keeping.lora_path(self.config, due.name)
        about = lora_file.metadata(
            self.config,
            self.base,
            self.dataset.items,
            self.plan,
            epoch=at.epoch,
            step=at.step,
            started_at=self.started_at,
        )
        with resting(self.network, self.optimizer):
            lora_file.save(
                path,
                self.network,
                about,
                self.config.save_precision,
                alpha=self.config.network_alpha,
                targets=self.targets,
                kohya_shapes=self.config.is_kohya,
            )
        self.last = str(path)
        self.say({"event": "saved", "step": at.step, "epoch": at.epoch, "path": self.last})
        if due.state:
            self._write_state(due, at)

    def _write_state(self, due: Due, at: At) -> None:
        state.save(
            keeping.state_path(self.config, due.name),
            network=self.network.state_dict(),
            optimizer=optim.state(self.optimizer),
            at=at,
            scaler=self.scaler.state_dict(),
            config=self.config,
            items=self.dataset.items,
        )

    def _tidy(self, due: Due, after: keeping.After, number: int) -> None:
        kinds: list[keeping.Kind] = ["lora", "state"] if due.state else ["lora"]
        new = [
            Written(keeping.PLACES[kind](self.config, due.name), kind, after, number)
            for kind in kinds
        ]
        # an epoch whose state was resumed is written once more
        self.written = [one for one in self.written if one not in new] + new
        gone = keeping.remove(keeping.outdated(self.config, self.written))
        self.written = [one for one in self.written if one not in gone]
