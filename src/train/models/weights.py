"""Weights in one file, read one tensor at a time: .safetensors, or what ``torch.save`` wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from dataprep.errors import DataprepError
from dataprep.weights.header import TAKEN_FOR_MODELS, Header, read_header

if TYPE_CHECKING:
    import torch

PICKLES = (".ckpt", ".pt", ".pth", ".bin")
CONVERT = "convert it to .safetensors with a program you trust it to, or download it as that"


@dataclass(frozen=True, slots=True)
class Weights:
    """An open file of weights."""

    path: Path
    header: Header
    read: Callable[[str], torch.Tensor]
    """The tensor of a name, on the CPU, as the file has it."""


def header_of(path: Path) -> Header:
    """Names and shapes in a file; of a .safetensors only its header is read.

    Raises ``DataprepError`` for a file of another kind, a damaged one, and a pickle that would run
    code.
    """
    if path.suffix in PICKLES:
        return _pickle_header(path, _unpickled(path))
    _check_suffix(path)
    return read_header(path)


@contextmanager
def opened(path: Path) -> Iterator[Weights]:
    """A file whose tensors are mapped, not loaded. Raises as ``header_of``."""
    if path.suffix in PICKLES:
        whole = _unpickled(path)
        yield Weights(path, _pickle_header(path, whole), _states(whole).__getitem__)
        return
    from safetensors import SafetensorError, safe_open

    header = header_of(path)
    try:
        with safe_open(path, framework="pt") as file:
            yield Weights(path, header, file.get_tensor)
    except SafetensorError as error:
        raise DataprepError(f"{path}: damaged ({error})", "download it again") from None


def _check_suffix(path: Path) -> None:
    if path.suffix != ".safetensors":
        raise DataprepError(
            f"{path}: weights are read from .safetensors and .ckpt, not from {path.suffix or path}",
            "give the file its right ending",
        )


def _unpickled(path: Path) -> Mapping[str, Any]:
    """What is in a .ckpt, without running what is in it."""
    import torch

    try:
        whole = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except UnpicklingError:
        raise DataprepError(
            f"{path}: holds more than weights (a pickle that would run code), so it is not opened",
            CONVERT,
        ) from None
    except (RuntimeError, EOFError, ValueError, KeyError):
        raise DataprepError(f"{path}: {_broken(path)}", CONVERT) from None
    if not isinstance(whole, Mapping):
        raise DataprepError(f"{path}: holds no weights by name", "name another file")
    return whole


def _broken(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(64).lstrip()
    if start.startswith(b"PK\x03\x04"):
        return "a torch archive that is cut short or damaged"
    known = (kind for mark, kind in TAKEN_FOR_MODELS.items() if start.startswith(mark))
    return f"{next(known, 'not a torch archive (or one from before torch 1.6)')}, cannot be read"


def _states(whole: Mapping[str, Any]) -> Mapping[str, torch.Tensor]:
    """The tensors by name: of the file, or under its ``state_dict``."""
    import torch

    states = whole.get("state_dict", whole)
    return {name: value for name, value in states.items() if isinstance(value, torch.Tensor)}


def _pickle_header(path: Path, whole: Mapping[str, Any]) -> Header:
    step = whole.get("global_step")
    shapes = {name: tuple(tensor.shape) for name, tensor in _states(whole).items()}
    return Header(shapes, {}, step if isinstance(step, int) else None)
