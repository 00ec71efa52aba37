"""Captions written on a cluster: workers load the captioner, the driver remembers its words."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dataprep.captioners.describing import Describing, Looker, Pair, Task, batched
from dataprep.captioners.families import Family
from dataprep.captioners.folder import CaptionModel
from dataprep.captioners.loading import Dtype, require_libraries
from dataprep.captioners.local import Captioner
from dataprep.captioners.parts import Answer, Generation
from dataprep.cluster import Engine, spread
from dataprep.inference import Device

BATCH = 32
"""So many pictures go to a worker at once; it takes them in batches of its own."""


@dataclass(frozen=True, slots=True)
class Describer:
    """How a worker that writes captions is made."""

    looker: Looker
    model: CaptionModel
    generation: Generation
    system: str
    device: Device
    dtype: Dtype
    batch_size: int
    """0 chooses."""

    @property
    def sees(self) -> tuple[Path, ...]:
        """The project and the model."""
        return self.looker.originals.root, self.model.path

    def open(self, cores: int) -> DescribingWorker:
        """Load the captioner."""
        require_libraries()
        captioner = Captioner(self.model, self.generation, self.system, self.device, self.dtype)
        size = self.batch_size or batch_of(self.model.family, captioner.device)
        return DescribingWorker(self.looker, captioner, size)


class DescribingWorker:
    """Writes captions on a machine of a cluster, as it is done here."""

    def __init__(self, looker: Looker, captioner: Captioner, size: int) -> None:
        self.device, self.remark = captioner.device, captioner.fallback
        self._looker, self._captioner, self._size = looker, captioner, size

    def __call__(self, batch: Sequence[Task]) -> list[Answer]:
        """What was written of each, or why there is nothing."""
        write = self._captioner.write
        # nothing is stopped: when a batch ends, the captioner is needed for the next one
        with closing(batched(self._looker, batch, write, lambda: None, self._size)) as found:
            said = {task.key: answer for pairs in found for task, answer in pairs or ()}
        if self._captioner.at_once < self._size:
            self.remark = f"memory ran out, so pictures went by {self._captioner.at_once}"
        return [said[task.key] for task in batch]


def described(
    engine: Engine, describer: Describer, tasks: Sequence[Task], describing: Describing
) -> Generator[list[Pair] | None, None, None]:
    """Pairs as a cluster brings them; None after a silent moment."""
    with closing(spread(engine, describer, tasks, BATCH, describer.device)) as landed:
        for one in landed:
            if one is None:
                yield None
                continue
            describing.device = one.device
            if one.remark and one.remark not in describing.remarks:
                describing.remarks.append(one.remark)
            yield list(one.pairs)


def batch_of(family: Family, device: str) -> int:
    """How many pictures of a family go through the network together."""
    return family.batch_cuda if device.startswith("cuda") else family.batch_cpu
