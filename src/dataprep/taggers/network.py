"""A tagger's ONNX file: opened, held against its family's contract, and run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from dataprep.errors import DataprepError
from dataprep.inference import Device, device_of, first_line, open_session, ort_errors
from dataprep.taggers.manifest import Manifest
from dataprep.taggers.model import Model
from dataprep.taggers.pixels import Floats

HINT = "another kind of tagger? A tagger.toml beside it can say what it expects"
FLOATS = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
MEMORY = re.compile(
    r"bfc_?arena|failed to allocate|smaller than requested bytes|out of memory|bad.?alloc|"
    r"alloc_failed|can't allocate memory",
    re.IGNORECASE,
)
"""What stands in the errors of onnxruntime, CUDA, cuDNN, cuBLAS and torch when memory ran out."""


class OutOfMemory(Exception):
    """A batch did not fit. Its text is for a person."""


class Network(Protocol):
    """What a tagger runs; may be called from several threads at once."""

    device: str
    """Where it runs: "cuda" or "cpu"."""
    fallback: str
    """Why it does not run on a GPU that is there; empty when there is nothing to say."""
    size: int
    """Side of the square that goes in."""
    single: bool
    """Whether it takes one picture at a time only."""

    def run(self, values: Floats) -> Floats:
        """The outputs for a batch in the family's layout: shape (n, tags), before any activation.

        Raises ``OutOfMemory`` when the batch is too large, ``DataprepError`` for all else.
        """
        ...


class Onnx:
    """A session of onnxruntime."""

    def __init__(self, model: Model, device: Device, threads: int) -> None:
        self._name = model.name
        self.session, self.fallback = open_session(model.path, device, threads)
        self.device = device_of(self.session)
        batch, self.size = _input(model, self.session)
        self.single = batch == 1
        given = self.session.get_inputs()[0]
        self._input, self._type = given.name, FLOATS[given.type]
        self._output = _output(model, self.session)

    def run(self, values: Floats) -> Floats:
        """See ``Network``."""
        feed = {self._input: values.astype(self._type, copy=False)}
        try:
            scores: Floats = self.session.run([self._output], feed)[0]
        except ort_errors() as error:
            raise failure(self._name, error) from None
        return scores.astype(np.float32, copy=False)


def failure(name: str, error: Exception) -> Exception:
    """What a failed run is: too large a batch, or an error that smaller ones would not cure."""
    if MEMORY.search(str(error)):
        return OutOfMemory(first_line(error))
    return DataprepError(f"tagger {name} failed: {first_line(error)}")


def _input(model: Model, session: Any) -> tuple[int | str | None, int]:
    """The batch (a number where it is fixed) and the side of the square that goes in."""
    family, given = model.family, session.get_inputs()
    if len(given) != 1 or given[0].type not in FLOATS:
        said = ", ".join(f"{one.name}: {one.type}" for one in given)
        raise DataprepError(f"{model.path}: takes {said}, not one picture in floats", HINT)
    shape: Sequence[int | str | None] = given[0].shape
    if len(shape) != 4:
        raise _not_square(model, shape)
    sides, channels = (shape[1:3], shape[3]) if family.layout == "NHWC" else (shape[2:], shape[1])
    fixed = {side for side in sides if isinstance(side, int)}
    size = fixed.pop() if fixed else family.size
    if (isinstance(channels, int) and channels != 3) or fixed or (family.size or size) != size:
        raise _not_square(model, shape)
    if not size:
        raise DataprepError(f"{model.path}: leaves the size of the picture open", HINT)
    return shape[0], size


def _not_square(model: Model, shape: Sequence[int | str | None]) -> DataprepError:
    family = model.family
    side = f" of {family.size}" if family.size else ""
    return DataprepError(
        f"{model.path}: its input {list(shape)} is not {family.layout} with a square picture{side}",
        HINT,
    )


def _output(model: Model, session: Any) -> str:
    """The name of the output that counts; its number of scores is checked where it is fixed."""
    names: list[str] = [one.name for one in session.get_outputs()]
    wanted = model.family.output
    if isinstance(wanted, int):
        place = wanted
    else:
        place = names.index(wanted) if wanted in names else len(names)
    if place >= len(names):
        raise DataprepError(
            f"{model.path}: has no output {wanted!r} (it has {', '.join(names)})", HINT
        )
    shape = session.get_outputs()[place].shape
    many = shape[-1] if shape else None
    if isinstance(many, int) and many != len(model.tags):
        raise DataprepError(
            f"{model.path}: has {many} outputs, but {_list(model.family)} has "
            f"{len(model.tags)} tags",
            "take both files from the same revision",
        )
    return names[place]


def _list(family: Manifest) -> str:
    return f"{family.tags_file} beside it" if family.tags_file else "its own list"
