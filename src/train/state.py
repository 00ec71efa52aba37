"""A state: everything from which a run goes on as if nothing had been. No pickle.

A folder with ``network.safetensors`` (parameters by name), ``optimizer.safetensors`` and
``state.json``. Noise, captions and order are functions of seed, epoch and step, so parameters,
optimizer and position are all there is to keep.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from dataprep import __version__, files
from dataprep.errors import DataprepError, UsageError
from train import keeping, picking_up
from train.config import TrainConfig

if TYPE_CHECKING:
    from train.data.item import Item

FORMAT = 1
NETWORK, OPTIMIZER, REST = "network.safetensors", "optimizer.safetensors", "state.json"
PICKLED = ("optimizer.bin", "random_states_0.pkl", "train_state.json")
"""Files by which a state of sd-scripts is known."""
NOT_WHOLE = "choose another state, or begin anew without resume"

Weights = Mapping[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class At:
    """How far a run is."""

    step: int
    """Steps done."""
    epoch: int
    """The epoch under way; 1 is the first."""
    batch: int
    """Batches of this epoch that are done."""
    losses: tuple[float, ...] = ()
    """The loss of each step so far, for averages that go on."""


@dataclass(frozen=True, slots=True)
class State:
    """What a state holds."""

    folder: Path
    at: At
    network: dict[str, torch.Tensor]
    optimizer: tuple[dict[str, torch.Tensor], Any]
    """Tensors by name, and the plain rest, as ``optim.state`` gave them."""
    scaler: dict[str, Any]
    """Of the gradient scaler; empty where none was at work."""
    config: dict[str, Any]
    """The settings it was made with, as JSON has them."""
    pictures: dict[str, picking_up.Fingerprint]
    versions: dict[str, str]


def save(
    folder: Path,
    *,
    network: Weights,
    optimizer: tuple[Weights, Any],
    at: At,
    scaler: Mapping[str, Any],
    config: TrainConfig,
    items: Iterable[Item],
) -> None:
    """Write a state whole or not at all; one of the same name is replaced only by a whole one.

    ``network`` is its state dict. Raises ``DataprepError`` when the disk does not take it.
    """
    tensors, plain = optimizer
    about = {
        "format": FORMAT,
        "versions": _versions(),
        "at": {field.name: getattr(at, field.name) for field in fields(At)},
        "scaler": dict(scaler),
        "optimizer": plain,
        "config": config.model_dump(mode="json"),
        "pictures": picking_up.fingerprints(items),
    }
    text = json.dumps(about, indent=1, ensure_ascii=False)
    temp = keeping.temp_folder(folder)
    try:
        shutil.rmtree(temp, ignore_errors=True)
        temp.mkdir(parents=True)
        _write_tensors(temp / NETWORK, network)
        _write_tensors(temp / OPTIMIZER, tensors)
        files.write_text(temp / REST, text)
        keeping.put_in_place(temp, folder)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataprepError(f"{folder}: the state cannot be written ({reason})") from None
    finally:
        shutil.rmtree(temp, ignore_errors=True)


def load(folder: Path) -> State:
    """Read a state, tensors on the CPU. Raises ``UsageError`` for what is none, or is broken."""
    keeping.recover(folder)
    about = _read_json(folder)
    try:
        return State(
            folder,
            At(**{**about["at"], "losses": tuple(about["at"]["losses"])}),
            _read_tensors(folder / NETWORK),
            (_read_tensors(folder / OPTIMIZER), about["optimizer"]),
            about["scaler"],
            about["config"],
            {name: tuple(said) for name, said in about["pictures"].items()},
            about["versions"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{folder / REST}: not a whole state ({error})", NOT_WHOLE) from None


def check(state: State, config: TrainConfig, items: Iterable[Item]) -> list[str]:
    """What is different from when the state was made, a sentence each, for the log.

    Raises ``UsageError`` where a run cannot go on: with another network or optimizer.
    """
    picking_up.refuse_another(state.config, config, str(state.folder))
    return [
        *picking_up.changed_settings(state.config, config),
        *picking_up.changed_pictures(state.pictures, items),
        *picking_up.changed_versions(state.versions, _versions()),
    ]


def fit(state: State, network: Weights) -> None:
    """Raise ``UsageError`` unless the state's tensors are those of ``network``, its state dict."""
    there, kept = _shapes(network), _shapes(state.network)
    other = [name for name in sorted({*there, *kept}) if there.get(name) != kept.get(name)]
    if other:
        was, now = (shapes.get(other[0], "not there") for shapes in (kept, there))
        raise UsageError(
            f"{state.folder}: made with another network; {other[0]} was {was}, is now {now}",
            "resume with the base model and the network settings it was made with",
        )


def _shapes(tensors: Weights) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _versions() -> dict[str, str]:
    return {"lora-dataprep": __version__, "torch": torch.__version__}


def _write_tensors(path: Path, tensors: Weights) -> None:
    # copies: views of one buffer are refused, and what goes on learning must not be torn
    copies = {
        name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()
    }
    save_file(copies, path)
    files.sync(path)


def _read_tensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        with safe_open(path, framework="pt") as opened:
            # copies: what is read must not hang on a file that may be taken away
            return {name: opened.get_tensor(name).clone() for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UsageError(f"{path}: missing or not whole ({error})", NOT_WHOLE) from None


def _read_json(folder: Path) -> dict[str, Any]:
    path = folder / REST
    if any((folder / name).exists() for name in PICKLED):
        raise UsageError(
            f"{folder}: a state of sd-scripts, which is pickled and not read here",
            "go on from its LoRA file with network_weights instead of resume",
        )
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"{folder}: not a state ({REST} cannot be read: {error.strerror})",
            "resume names a folder that save_state wrote, such as lora-000004-state",
        ) from None
    except ValueError as error:
        raise UsageError(f"{path}: not whole ({error})", NOT_WHOLE) from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise UsageError(
            f"{path}: not a state of this version of the trainer",
            "resume with the version that made it",
        )
    return about
