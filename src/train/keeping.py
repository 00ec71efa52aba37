"""Which files a run writes meanwhile, what they are called, and which it takes away again.

Names are sd-scripts': ``NAME-000004`` after an epoch, ``NAME-step00000100`` after a step, ``NAME``
at the end; ``.safetensors`` behind it is a LoRA, ``-state`` a folder from which to go on. No torch.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal, get_args

from dataprep import files
from train.config import TrainConfig

log = logging.getLogger("train")

LORA, STATE = ".safetensors", "-state"
BEFORE = ".{name}.before"
"""What a folder is called for the moment in which a new one takes its place."""

After = Literal["epoch", "step"]
Kind = Literal["lora", "state"]


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be written now."""

    name: str
    """Without ending."""
    state: bool
    """Whether a state goes beside the LoRA."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file or folder that this run wrote because its turn had come."""

    path: Path
    kind: Kind
    after: After
    number: int
    """The epoch or the step."""


def due_after_epoch(config: TrainConfig, epoch: int, last: bool) -> Due | None:
    """What to write after an epoch (1 is the first); ``last``: the run ends with it."""
    if last:
        return Due(config.output_name, config.save_state or config.save_state_on_train_end)
    every = config.save_every_n_epochs
    if not every or epoch % every:
        return None
    return Due(epoch_name(config, epoch), config.save_state)


def due_after_step(config: TrainConfig, step: int) -> Due | None:
    """What to write after so many steps."""
    every = config.save_every_n_steps
    if not every or step % every:
        return None
    return Due(step_name(config, step), config.save_state)


def due_when_stopped(config: TrainConfig, step: int) -> Due:
    """What a run leaves that was stopped after so many steps."""
    return Due(step_name(config, step), config.save_state or config.save_state_on_train_end)


def epoch_name(config: TrainConfig, epoch: int) -> str:
    """Name, without ending, of what is written after so many epochs."""
    return f"{config.output_name}-{epoch:06d}"


def step_name(config: TrainConfig, step: int) -> str:
    """Name, without ending, of what is written after so many steps."""
    return f"{config.output_name}-step{step:08d}"


def lora_path(config: TrainConfig, name: str) -> Path:
    """The LoRA file of a name."""
    return config.output_dir / f"{name}{LORA}"


def state_path(config: TrainConfig, name: str) -> Path:
    """The state's folder of a name."""
    return config.output_dir / f"{name}{STATE}"


PLACES: dict[Kind, Callable[[TrainConfig, str], Path]] = {"lora": lora_path, "state": state_path}


def written_before(config: TrainConfig, epoch: int, step: int) -> list[Written]:
    """What a run that is taken up again wrote before because its turn had come.

    ``epoch`` and ``step`` are those of its state. Only of a state that lies where this run writes
    and is called as its own: files of another run are nobody's to take away.
    """
    names = (epoch_name(config, epoch), step_name(config, step), config.output_name)
    own = {state_path(config, name).resolve() for name in names}
    if config.resume is None or config.resume.resolve() not in own:
        return []
    turns: dict[After, list[tuple[int, str]]] = {
        "epoch": [
            (turn, epoch_name(config, turn)) for turn in _turns(config.save_every_n_epochs, epoch)
        ],
        "step": [
            (turn, step_name(config, turn)) for turn in _turns(config.save_every_n_steps, step)
        ],
    }
    return [
        Written(path, kind, after, turn)
        for kind, place in PLACES.items()
        for after, named in turns.items()
        for turn, name in named
        if (path := place(config, name)).exists()
    ]


def _turns(every: int, until: int) -> range:
    return range(every, until + 1, every) if every else range(0)


def outdated(config: TrainConfig, written: Iterable[Written]) -> list[Written]:
    """Those of the run's own files that the settings let go, oldest first.

    After epochs the newest so many stay; after steps, as sd-scripts counts them, those of the last
    so many steps before the newest. Loras and states are counted apart.
    """
    ordered = sorted(written, key=lambda one: one.number)
    return [
        one
        for kind, after in product(get_args(Kind), get_args(After))
        for one in _let_go(
            [one for one in ordered if (one.kind, one.after) == (kind, after)],
            _last_n(config, kind, after),
            after,
        )
    ]


def _last_n(config: TrainConfig, kind: str, after: str) -> int | None:
    """How many epochs or steps back files are kept; None: all of them."""
    of_loras = {"epoch": config.save_last_n_epochs, "step": config.save_last_n_steps}[after]
    if kind == "lora":
        return of_loras
    of_states = {"epoch": config.save_last_n_epochs_state, "step": config.save_last_n_steps_state}
    return of_loras if of_states[after] is None else of_states[after]


def _let_go(ordered: list[Written], last_n: int | None, after: str) -> list[Written]:
    if last_n is None or not ordered:
        return []
    if after == "epoch":
        return ordered[:-last_n]
    return [one for one in ordered if one.number < ordered[-1].number - last_n]


def remove(written: Iterable[Written]) -> list[Written]:
    """Take files and states away; those that are gone now.

    One that another program holds open is named in the log and stays.
    """
    gone = []
    for one in written:
        try:
            discard(one.path) if one.kind == "state" else one.path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s could not be removed (%s)", one.path, error.strerror)
        else:
            log.info("removed %s", one.path)
            gone.append(one)
    return gone


# Folders that are whole or not there


def discard(folder: Path) -> None:
    """Remove a folder so that a kill in the middle leaves none of its name."""
    aside = temp_folder(folder)
    shutil.rmtree(aside, ignore_errors=True)
    try:
        folder.replace(aside)
    except FileNotFoundError:
        return
    shutil.rmtree(aside, ignore_errors=True)


def temp_folder(folder: Path) -> Path:
    """The folder in which this process builds ``folder``, or takes it apart."""
    return Path(files.temp_beside(str(folder.parent), folder.name))


def put_in_place(temp: Path, folder: Path) -> None:
    """Give a finished folder its name; one that has the name already goes.

    A folder cannot take the place of another in one act. The old one is therefore called
    ``.NAME.before`` for a moment; ``recover`` gives it back its name when the run died just then.
    """
    before = folder.with_name(BEFORE.format(name=folder.name))
    if folder.exists():
        discard(before)
        folder.replace(before)
    temp.replace(folder)
    files.sync(folder.parent)
    discard(before)


def recover(folder: Path) -> None:
    """Give a folder back its name if a run died while it was being replaced."""
    before = folder.with_name(BEFORE.format(name=folder.name))
    if before.is_dir() and not folder.exists():
        before.replace(folder)


def sweep(folder: Path) -> int:
    """Remove half-written folders that a killed run left in ``folder``; how many there were."""
    stale = [path for path in folder.glob(f"*{files.TEMP_SUFFIX}") if path.is_dir()]
    for path in stale:
        shutil.rmtree(path, ignore_errors=True)
    for before in folder.glob(BEFORE.format(name=f"*{STATE}")):
        recover(before.with_name(before.name.removeprefix(".").removesuffix(".before")))
        discard(before)
    return len(stale)
