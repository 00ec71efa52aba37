"""Runs any tagger: pictures in, a probability for each of its tags out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from dataprep.errors import DataprepError
from dataprep.inference import Device
from dataprep.taggers import pixels
from dataprep.taggers.model import Model, read_model
from dataprep.taggers.network import HINT, Network, Onnx, OutOfMemory
from dataprep.taggers.pixels import Pixels

Probabilities = npt.NDArray[np.float32]

ANY_NUMBER = 1 << 16
SLACK = 1e-3
"""So far probabilities may lie beyond 0..1, as those computed in half precision do."""
TELLING = 16
"""Logits of so many tags are never all between 0 and 1: most tags are absent, and below 0."""


class Tagger:
    """A network ready to run. Its methods may be called from several threads at once."""

    def __init__(self, model: Model, network: Network) -> None:
        self.name, self.key, self.tags = model.name, model.key, model.tags
        self.device, self.fallback = network.device, network.fallback
        self.size = network.size
        """Side of the square that the network sees."""
        # on the CPU a batch costs memory and gains nothing; some exports take one picture only
        self.at_once = 1 if self.device == "cpu" or network.single else ANY_NUMBER
        """How many pictures go through the network together at most."""
        self._family, self._network, self._path = model.family, network, model.path

    def fitted(self, width: int, height: int) -> tuple[int, int]:
        """The pixels that a picture of this size takes of the square after the resize."""
        return pixels.inside((width, height), self.size, self._family)

    def prepare(self, image: Image.Image, quick: bool = False) -> Pixels:
        """What the network sees of a picture: uint8 RGB, shape (size, size, 3).

        ``quick``: the picture is a JPEG's fraction; the resize may be near the reference only.
        """
        return pixels.prepare(image, self.size, self._family, quick)

    def predict(self, batch: Sequence[Pixels] | Pixels) -> Probabilities:
        """Probabilities of prepared pictures (n, size, size, 3): float32, shape (n, tags)."""
        parts = [np.empty((0, len(self.tags)), np.float32)]
        start = 0
        while start < len(batch):
            parts.append(self._forward(batch[start : start + self.at_once]))
            start += len(parts[-1])
        return np.concatenate(parts)

    def _forward(self, batch: Sequence[Pixels] | Pixels) -> Probabilities:
        """The same of the first pictures of ``batch``: as many as the memory takes."""
        try:
            scores = self._network.run(pixels.feed(np.asarray(batch), self._family))
        except (OutOfMemory, MemoryError) as error:
            if len(batch) == 1:
                said = str(error) or "out of memory"
                raise DataprepError(
                    f"tagger {self.name} failed: {said}",
                    "not even one picture fits: close what else uses the memory, or --device cpu",
                ) from None
            # go on with half, and stay there
            self.at_once = min(self.at_once, len(batch) // 2)
            return self._forward(batch[: len(batch) // 2])
        if scores.shape != (len(batch), len(self.tags)):
            raise DataprepError(
                f"tagger {self.name} gave scores of shape {scores.shape} "
                f"where its table has {len(self.tags)} tags"
            )
        return self._activated(scores)

    def _activated(self, scores: Probabilities) -> Probabilities:
        """Probabilities out of what the network says. Raises when it says the other thing."""
        low, high = float(scores.min()), float(scores.max())
        if self._family.activation == "none":
            if not (low >= -SLACK and high <= 1 + SLACK):
                raise DataprepError(
                    f"{self._path}: gave scores from {low:.4g} to {high:.4g}, not probabilities",
                    'if they are logits, put activation = "sigmoid" into a tagger.toml beside it',
                )
            return np.clip(scores, 0, 1)
        if not low <= high:
            raise DataprepError(f"{self._path}: gave scores that are no numbers", HINT)
        if low >= 0 and high <= 1 and scores.shape[1] >= TELLING:
            raise DataprepError(
                f"{self._path}: gave scores from {low:.4g} to {high:.4g}: these are probabilities "
                "already, not the logits that a sigmoid would turn into some",
                'put activation = "none" into a tagger.toml beside it',
            )
        return sigmoid(scores)


def sigmoid(values: Probabilities) -> Probabilities:
    """1 / (1 + exp(-x)) in float32, where no exponential overflows."""
    small = np.exp(-np.abs(values))
    answer: Probabilities = np.where(values < 0, small, np.float32(1)) / (1 + small)
    return answer


def open_tagger(source: Path | Model, device: Device = "auto", threads: int = 0) -> Tagger:
    """Load a tagger from its folder. Raises ``DataprepError`` when it is not one.

    ``threads`` share one run on the CPU (0: as many as cores).
    """
    model = source if isinstance(source, Model) else read_model(source)
    return Tagger(model, _network(model, device, threads))


def _network(model: Model, device: Device, threads: int) -> Network:
    if model.family.format == "onnx":
        return Onnx(model, device, threads)
    from dataprep.taggers.deepbooru import Torch

    return Torch(model, device, threads)
