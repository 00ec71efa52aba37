"""Where to begin with a goal and a GPU: what the trainer's presets would change in a project.

The tables are the trainer's (``train.presets``), and it tells the base model's family by itself; so
it is asked, in a process of its own. Here is what follows for the settings of one project.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from dataprep.jobs import Job, child, module_command
from dataprep.layout import TRAIN_FILE
from dataprep.training_values import BASE
from dataprep.weights import find_base

GOALS = ("character", "style", "object")
MEMORY_GB = (6, 8, 12, 16, 24)
"""Of GPUs; the trainer takes the next smaller one of these."""
ABOUT_BASE = ("v2", "model_config_dir")
"""What else a person may have said of the base model that its family follows from."""
STEPS = "max_train_steps"
OF_CAPTIONS = ("keep_tokens",)
"""The export knows whether a trigger word stands in front."""
OF_CROP = ("resolution", "min_bucket_reso", "max_bucket_reso", "bucket_reso_steps")
"""With these the pictures were cut, where that was decided."""


def asking(values: Mapping[str, Any], out: Path, goal: str, memory: int | None) -> Job[Any]:
    """Ask the trainer for a preset for the base model of these settings; returns its values.

    ``out`` is the training folder, from which paths start; ``memory`` is that of the GPU in GB,
    None: not said. Raises ``DataprepError``.
    """
    # a file that says nothing else: what is said there would win over the preset
    said = {key: values[key] for key in (*ABOUT_BASE, STEPS) if key in values}
    said[BASE] = _placed(str(values.get(BASE, "")), out)
    with tempfile.TemporaryDirectory() as temp:
        path = Path(temp, TRAIN_FILE)
        path.write_text(tomlkit.dumps(said), encoding="utf-8")
        wanted = ["--goal", goal, *([] if memory is None else ["--memory", str(memory)])]
        command = module_command("train", "config", str(path), *wanted)
        result = yield from child(command, log=io.StringIO(), grace=0)
    return {key: value for key, value in result["values"].items() if key not in said}


def _placed(base: str, out: Path) -> str:
    return str((out / base).resolve()) if (out / base).exists() else find_base(base)


def changes(
    values: Mapping[str, Any],
    preset: Mapping[str, Any],
    taken: Mapping[str, Any],
    *,
    is_cut: bool,
) -> dict[str, Any]:
    """What to set so that settings are as a preset says; None takes one out.

    ``taken`` is what an earlier preset set: where that still stands and this one is silent, the
    setting goes back to what is usual. ``is_cut``: the sizes were decided for the pictures, and
    stay.
    """
    kept = {*OF_CAPTIONS, *(OF_CROP if is_cut else ())}
    said = {key: value for key, value in preset.items() if key not in kept}
    gone = [
        key
        for key, value in taken.items()
        if key not in preset and key not in kept and key in values and values[key] == value
    ]
    return {**said, **dict.fromkeys(gone)}
