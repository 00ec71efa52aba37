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
    folders: dict[str, dict[str, int]]
    """Per concept folder: ``repeats`` and ``images``."""
    buckets: dict[Bucket, int]
    """Uses of pictures per epoch in each bucket."""
    steps_per_epoch: int
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
            "folders": self.folders,
            "buckets": [
                {"width": width, "height": height, "uses": uses}
                for (width, height), uses in self.buckets.items()
            ],
            "steps_per_epoch": self.steps_per_epoch,
            "epochs": self.epochs,
            "steps": self.steps,
            "batch_sizes": {str(size): count for size, count in self.batch_sizes.items()},
            "memory": self.memory.to_json() if self.memory else None,
            "issues": [issue.to_json() for issue in self.issues],
        }


def plan(config: TrainConfig) -> Plan:
    """The plan of a config over what lies in its ``train_data_dir``."""
    return of(config, data.scan(config))


def of(config: TrainConfig, dataset: data.Dataset) -> Plan:
    """The plan of a config over pictures already found."""
    batches = data.epoch(config, dataset.items, 1)
    per_epoch = len(batches)
    steps = config.max_train_steps or (config.max_train_epochs or 1) * per_epoch
    uses = Counter(use.item.bucket for batch in batches for use in batch)
    largest = max(len(batch) for batch in batches)
    return Plan(
        images=len(dataset.items),
        folders={
            name: {"repeats": items[0].repeats, "images": len(items)}
            for name, items in dataset.folders.items()
        },
        buckets=dict(sorted(uses.items())),
        steps_per_epoch=per_epoch,
        epochs=-(-steps // per_epoch),
        steps=steps,
        batch_sizes=dict(sorted(Counter(len(batch) for batch in batches).items())),
        issues=dataset.issues,
        memory=estimate.memory(config, uses, largest),
    )
