"""DeepDanbooru as A1111's web UI ships it: a torch checkpoint, run by one short function.

The file is a pickled dictionary: ``n_Conv_0.weight`` … ``n_Conv_178.weight``, their biases (the
last has none) and ``tags``, a list of names. It is read with ``weights_only``, which runs no code
of the file. The convolutions of the residual network ResNet-custom v3 are numbered as they came
out of its export (AUTOMATIC1111/TorchDeepDanbooru): a stem, six stages of units of three
convolutions, a projection where a stage begins, and a classifier without a bias.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dataprep.errors import DataprepError
from dataprep.inference import Device, first_line
from dataprep.taggers.model import Model
from dataprep.taggers.network import failure
from dataprep.taggers.pixels import Floats

if TYPE_CHECKING:
    import torch

STAGES = ((3, 1), (8, 2), (20, 2), (20, 2), (3, 2), (3, 2))
"""Units of each stage, and the stride with which it begins."""
PROJECTIONS = (1, 11, 36, 100, 158, 168)
"""The convolution beside the first unit of each stage."""
CLASSIFIER = 178
HINT = "take model-resnet_custom_v3.pt again from the releases of AUTOMATIC1111/TorchDeepDanbooru"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What such a file holds."""

    tags: tuple[str, ...]
    weights: Mapping[str, torch.Tensor]


def read(path: Path) -> Checkpoint:
    """The checkpoint in a file. Raises ``DataprepError``, or ``OSError`` when it cannot be read."""
    torch = _torch()
    with path.open("rb") as stream:
        mapped = zipfile.is_zipfile(stream)
    try:
        data = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError) as error:
        said = f"{path}: is not a checkpoint of plain tensors ({first_line(error)})"
        raise DataprepError(said, HINT) from None
    found = data if isinstance(data, dict) else {}
    for name in _names():
        if not isinstance(found.get(name), torch.Tensor):
            raise DataprepError(f"{path}: is not DeepDanbooru's checkpoint (no {name})", HINT)
    tags = found.get("tags")
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise DataprepError(f"{path}: is not DeepDanbooru's checkpoint (no list of tags)", HINT)
    return Checkpoint(tuple(tags), {name: found[name] for name in _names()})


def _names() -> Iterator[str]:
    for number in range(CLASSIFIER):
        yield from (f"n_Conv_{number}.weight", f"n_Conv_{number}.bias")
    yield f"n_Conv_{CLASSIFIER}.weight"


def forward(weights: Mapping[str, torch.Tensor], pixels: torch.Tensor) -> torch.Tensor:
    """Probabilities (n, tags) of pictures (n, height, width, 3) in RGB, 0..1."""
    from torch.nn.functional import max_pool2d, pad, relu

    x = pad(pixels.permute(0, 3, 1, 2), (2, 3, 2, 3))
    x = relu(_convolved(weights, 0, x, 2))
    x = max_pool2d(pad(x, (0, 1, 0, 1), value=-inf), 3, 2)
    numbers = (n for n in range(1, CLASSIFIER) if n not in PROJECTIONS)
    for (units, first), projection in zip(STAGES, PROJECTIONS, strict=True):
        for unit in range(units):
            stride = 1 if unit else first
            beside = x if unit else _convolved(weights, projection, x, stride)
            x = relu(_convolved(weights, next(numbers), x))
            # as TensorFlow pads: with a stride of 2 below and on the right only
            x = pad(x, (1, 1, 1, 1) if stride == 1 else (0, 1, 0, 1))
            x = relu(_convolved(weights, next(numbers), x, stride))
            x = relu(_convolved(weights, next(numbers), x) + beside)
    return _convolved(weights, CLASSIFIER, x).mean((2, 3)).sigmoid()


def _convolved(
    weights: Mapping[str, torch.Tensor], number: int, x: torch.Tensor, stride: int = 1
) -> torch.Tensor:
    from torch.nn.functional import conv2d

    name = f"n_Conv_{number}"
    return conv2d(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"), stride)


class Torch:
    """The checkpoint as a ``Network``."""

    single = False

    def __init__(self, model: Model, device: Device, threads: int) -> None:
        torch = _torch()
        self._name, self.size = model.name, model.family.size
        self.device, self.fallback = _device(torch, device)
        if threads and self.device == "cpu":
            torch.set_num_threads(threads)
        checkpoint = read(model.path)
        outputs = checkpoint.weights[f"n_Conv_{CLASSIFIER}.weight"].shape[0]
        if outputs != len(model.tags):
            raise DataprepError(
                f"{model.path}: has {outputs} outputs, but its own list has {len(model.tags)} tags",
                HINT,
            )
        self._weights = {
            name: tensor.to(self.device, torch.float32)
            for name, tensor in checkpoint.weights.items()
        }

    def run(self, values: Floats) -> Floats:
        """See ``Network``."""
        torch = _torch()
        try:
            with torch.inference_mode():
                scores = forward(self._weights, torch.from_numpy(values).to(self.device))
                return np.asarray(scores.cpu().numpy(), np.float32)
        except RuntimeError as error:
            raise failure(self._name, error) from None


def _device(torch: Any, device: Device) -> tuple[str, str]:
    """Where it runs, and why not on a GPU that was hoped for."""
    if device == "cpu":
        return "cpu", ""
    if torch.cuda.is_available():
        return "cuda", ""
    if device == "cuda":
        raise DataprepError(
            "torch has no CUDA here", "install a torch built for CUDA, or take --device cpu"
        )
    built = torch.version.cuda is not None
    return "cpu", "on the CPU: torch has CUDA but finds no GPU or no driver" if built else ""


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise DataprepError(
            "DeepDanbooru's checkpoint needs torch, which is not installed",
            'pip install "lora-dataprep[train]"',
        ) from None
    return torch
