"""What a run will do, computed by the functions that the run itself uses."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from dataprep.buckets import Bucket
from dataprep.report import Issue
from train import data, estimate
from train.config import TrainConfig


@dataclass(frozen=True, slots=True)
class Plan:
    """Pictures, buckets and steps of a run."""

    images: int
    """Pictures that are learned from; those of regularization are counted apart."""
    reg_images: int
    train_uses: int
    """How often pictures are used in an epoch, repeats counted."""
    reg_uses: int
    """The same of regularization pictures: as often as the others altogether."""
    folders: dict[str, dict[str, Any]]
    """Per folder: ``repeats``, ``images`` and ``is_reg``."""
    buckets: dict[Bucket, int]
    """Uses of pictures per epoch in each bucket."""
    batches_per_epoch: int
    steps_per_epoch: int
    """Optimizer steps: batches ÷ ``gradient_accumulation_steps``, the last of fewer batches."""
    epochs: int
    steps: int
    batch_sizes: dict[int, int]
    """How many batches of an epoch have how many pictures."""
    issues: tuple[Issue, ...]
    memory: estimate.Memory | None = None
    """About how much the run takes; None where that cannot be said."""

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``--dry-run``."""
        return {
            "images": self.images,
            "reg_images": self.reg_images,
            "train_uses": self.train_uses,
            "reg_uses": self.reg_uses,
            "folders": self.folders,
            "buckets": [
                {"width": width, "height": height, "uses": uses}
                for (width, height), uses in self.buckets.items()
            ],
            "batches_per_epoch": self.batches_per_epoch,
            "steps_per_epoch": self.steps_per_epoch,
            "epochs": self.epochs,
            "steps": self.steps,
            "batch_sizes": {str(size): count for size, count in self.batch_sizes.items()},
            "memory": self.memory.to_json() if self.memory else None,
            "issues": [issue.to_json() for issue in self.issues],
        }


def plan(config: TrainConfig) -> Plan:
    """The plan of a config over what lies in its folders."""
    return of(config, data.scan(config))


def of(config: TrainConfig, dataset: data.Dataset) -> Plan:
    """The plan of a config over pictures already found.

    Gradients are never accumulated across epochs, so each epoch has the same number of steps.
    """
    batches = data.epoch(config, dataset.items, 1)
    per_epoch = -(-len(batches) // config.gradient_accumulation_steps)
    steps = config.max_train_steps or (config.max_train_epochs or 1) * per_epoch
    uses = Counter(use.item.bucket for batch in batches for use in batch)
    regs = sum(use.item.is_reg for batch in batches for use in batch)
    reg_images = sum(item.is_reg for item in dataset.items)
    return Plan(
        images=len(dataset.items) - reg_images,
        reg_images=reg_images,
        train_uses=uses.total() - regs,
        reg_uses=regs,
        folders={
            name: {
                "repeats": items[0].repeats,
                "images": len(items),
                "is_reg": items[0].is_reg,
            }
            for name, items in dataset.folders.items()
        },
        buckets=dict(sorted(uses.items())),
        batches_per_epoch=len(batches),
        steps_per_epoch=per_epoch,
        epochs=-(-steps // per_epoch),
        steps=steps,
        batch_sizes=dict(sorted(Counter(len(batch) for batch in batches).items())),
        issues=dataset.issues,
        memory=estimate.memory(config, uses, max(len(batch) for batch in batches)),
    )
