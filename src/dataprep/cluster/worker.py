"""What runs on the machines of a cluster. It opens no store and writes no caption."""

from __future__ import annotations

import pickle
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from dataprep.errors import DataprepError

T_contra = TypeVar("T_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")
R = TypeVar("R")


class Worker(Protocol[T_contra, R_co]):
    """Does the work, with all that it needs loaded."""

    device: str
    """Where its network runs; empty when it has none."""
    remark: str
    """What a person should know of how it runs; empty when there is nothing to say."""

    def __call__(self, batch: Sequence[T_contra]) -> Sequence[R_co]:
        """A result for each item, in their order."""
        ...


class Recipe(Protocol[T_contra, R_co]):
    """How a worker is made. It is sent to other machines, so it is a plain value."""

    @property
    def sees(self) -> tuple[Path, ...]:
        """Files and folders that must lie on every machine, in the same place."""
        ...

    def open(self, cores: int) -> Worker[T_contra, R_co]:
        """Load what is needed; ``cores`` of the machine are for this worker."""
        ...


@dataclass(frozen=True, slots=True)
class Landed(Generic[T, R]):
    """What one worker made of one batch."""

    pairs: tuple[tuple[T, R], ...]
    device: str
    remark: str


@dataclass(frozen=True, slots=True)
class Said:
    """The same on its way back: results, or the error that ends the run."""

    place: int
    """Of the batch among all of them."""
    results: tuple[Any, ...] = ()
    device: str = ""
    remark: str = ""
    error: DataprepError | OSError | None = None


class Actor:
    """One worker in a process of its own, as Ray Data wants it: a table in, a table out.

    What a person can cure comes back as a value: an exception would come wrapped, and in Ray's
    words.
    """

    def __init__(self, recipe: bytes, cores: int) -> None:
        self._worker: Worker[Any, Any] | None = None
        self._error: DataprepError | OSError | None = None
        try:
            self._worker = _opened(pickle.loads(recipe), cores)
        except (DataprepError, OSError) as error:
            self._error = error

    def __call__(self, table: Any) -> Any:
        """Tables with one column of pickled values: batches in, what was said of them out."""
        said = [self._said(*pickle.loads(row.as_py())) for row in table.column("row")]
        return as_table([pickle.dumps(one) for one in said])

    def _said(self, place: int, batch: tuple[Any, ...]) -> Said:
        if self._worker is None:
            return Said(place, error=self._error)
        try:
            results = tuple(self._worker(batch))
        except (DataprepError, OSError) as error:
            return Said(place, error=error)
        return Said(place, results, self._worker.device, self._worker.remark)


def as_table(rows: list[bytes]) -> Any:
    """Rows as Ray Data carries them."""
    import pyarrow as pa

    return pa.table({"row": pa.array(rows, pa.large_binary())})


def _opened(recipe: Recipe[T, R], cores: int) -> Worker[T, R]:
    for path in recipe.sees:
        if not path.exists():
            raise DataprepError(
                f"{path}: is not there on {socket.gethostname()}, a machine of the cluster",
                "every machine must see the project, the model and the training folder in the "
                "same place, such as on a network drive",
            )
    return recipe.open(cores)
