"""Runs a tagger's ONNX file and refuses one that does not keep its family's contract."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from dataprep.errors import DataprepError
from dataprep.inference import Device, device_of, first_line, open_session, ort_errors
from dataprep.taggers import pixels
from dataprep.taggers.model import Model, read_model
from dataprep.taggers.pixels import Pixels

Probabilities = npt.NDArray[np.float32]

ANY_NUMBER = 1 << 16


class Tagger:
    """A network ready to run. Both its methods may be called from several threads at once."""

    def __init__(self, model: Model, session: Any, fallback: str = "") -> None:
        self.name, self.key, self.tags = model.name, model.key, model.tags
        self.device = device_of(session)
        """Where it runs: "cuda" or "cpu"."""
        self.fallback = fallback
        """Why it does not run on a GPU that is there; empty when there is nothing to say."""
        batch, self.size = _check_contract(model, session)
        # on the CPU a batch costs memory and gains nothing; some exports take one picture only
        self.at_once = 1 if self.device == "cpu" or batch == 1 else ANY_NUMBER
        """How many pictures go through the network together at most."""
        self._family, self._session = model.family, session
        self._input, self._output = session.get_inputs()[0].name, session.get_outputs()[0].name

    def prepare(self, image: Image.Image) -> Pixels:
        """What the network sees of a picture: uint8, shape (size, size, 3)."""
        return pixels.prepare(image, self.size, self._family)

    def predict(self, batch: Sequence[Pixels] | Pixels) -> Probabilities:
        """Probabilities of prepared pictures (n, size, size, 3): float32, shape (n, tags)."""
        parts = [np.empty((0, len(self.tags)), np.float32)]
        start = 0
        while start < len(batch):
            parts.append(self._forward(np.stack(list(batch[start : start + self.at_once]))))
            start += len(parts[-1])
        return np.concatenate(parts)

    def _forward(self, batch: Pixels) -> Probabilities:
        """The same of the first pictures of ``batch``: as many as the memory takes."""
        try:
            feed = {self._input: batch.astype(np.float32)}
            scores: Probabilities = self._session.run([self._output], feed)[0]
        except ort_errors() as error:
            if len(batch) == 1:
                raise DataprepError(f"tagger {self.name} failed: {first_line(error)}") from None
            # most likely out of memory: go on with half, and stay there
            self.at_once = len(batch) // 2
            return self._forward(batch[: self.at_once])
        if scores.shape != (len(batch), len(self.tags)):
            raise DataprepError(
                f"tagger {self.name} gave scores of shape {scores.shape} "
                f"where its table has {len(self.tags)} tags"
            )
        return scores.astype(np.float32, copy=False)


def open_tagger(source: Path | Model, device: Device = "auto") -> Tagger:
    """Load a tagger from its folder. Raises ``DataprepError`` when it is not one."""
    model = source if isinstance(source, Model) else read_model(source)
    session, fallback = open_session(model.path, device)
    return Tagger(model, session, fallback)


def _check_contract(model: Model, session: Any) -> tuple[int | str | None, int]:
    """The batch (a number where it is fixed) and the side of the square that goes in."""
    shape = session.get_inputs()[0].shape
    if len(shape) != 4 or shape[3] != 3 or shape[1] != shape[2] or not isinstance(shape[1], int):
        raise DataprepError(
            f"{model.path}: its input {shape} is not {model.family.layout} with a square picture",
            "another kind of tagger?",
        )
    outputs = session.get_outputs()[0].shape[-1]
    if isinstance(outputs, int) and outputs != len(model.tags):
        raise DataprepError(
            f"{model.path}: has {outputs} outputs, but {model.family.tags_file} beside it "
            f"has {len(model.tags)} tags",
            "take both files from the same revision",
        )
    return shape[0], shape[1]
