"""Which format a text is in, and which reader reads it; what is none is called by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dataprep.errors import UsageError
from train.compat import command_line, json_files, scripts, toml_files
from train.compat.foreign import Foreign, Source
from train.compat.options import KNOWN

KNOWN_JSON = (*KNOWN, "epoch", "max_resolution", "LoRA_type", "base_model", "net_dim", "optimizer")
OTHER_JSON: tuple[tuple[tuple[str, ...], str], ...] = (
    (("training_method", "model_type"), "a configuration of OneTrainer"),
    (("base_model_name", "concept_file_name"), "a configuration of OneTrainer"),
    (("last_node_id", "nodes"), "a workflow of ComfyUI"),
    (("job", "config"), "a configuration of ai-toolkit"),
    (("_class_name",), "a part of a diffusers model"),
    (("model_type", "architectures"), "a part of a transformers model"),
    (("--model_type",), "a configuration of SimpleTuner"),
    (("--pretrained_model_name_or_path",), "a configuration of SimpleTuner"),
)
"""Keys that all have to be there, and what the file then is."""
EASY_TOML = re.compile(r"^\[general_args\.", re.MULTILINE)
OTHER_YAML = ((r"^job:\s", "a configuration of ai-toolkit"), (r"^[\w-]+:(\s|$)", "a YAML file"))
READ = (
    "read are train.toml, TOML of sd-scripts and lora-scripts, JSON of kohya_ss and "
    "LoRA_Easy_Training_Scripts, train.sh, train.ps1 and a pasted command"
)


def foreign(source: Source) -> Foreign:
    """The options of a text in whatever format. Raises ``UsageError`` with what it is instead."""
    start = source.text.lstrip()
    if EASY_TOML.search(source.text):
        raise _none(source, "a TOML file of LoRA_Easy_Training_Scripts, whose JSON is read")
    if start.startswith("<"):
        raise _none(source, "a web page or XML")
    if start.startswith(("{", "//", "/*")) or source.path.suffix.lower() == ".json":
        return _json(source)
    if start.startswith("[") and source.path.suffix.lower() != ".toml" and _is_list(start):
        raise _none(source, "a JSON list")
    if scripts.recognises(source.text):
        return scripts.read(source)
    if command_line.recognises(source.text):
        return command_line.read(source, scripts.variables(source.text))
    if source.path.suffix.lower() == ".toml" or _is_toml(source):
        return toml_files.read(source, toml_files.tables(source))
    for pattern, kind in OTHER_YAML:
        if re.search(pattern, start, re.MULTILINE):
            raise _none(source, kind)
    raise _none(source, "no known format")


def _json(source: Source) -> Foreign:
    values = json_files.parse(source)
    for keys, kind in OTHER_JSON:
        if all(key in values for key in keys):
            raise _none(source, kind)
    if not any(key in KNOWN_JSON for key in values):
        raise _none(source, "a JSON file without any key of a training")
    return json_files.read(source, values)


def _is_list(text: str) -> bool:
    """[section] begins a TOML file, a list of anything else is JSON."""
    return re.match(r"\[\[?[\w .-]+\]\]?\s*(#.*)?$", text.splitlines()[0].strip()) is None


def _is_toml(source: Source) -> bool:
    try:
        found: Mapping[str, Any] = toml_files.tables(source)
    except UsageError:
        return False
    return bool(found)


def _none(source: Source, kind: str) -> UsageError:
    return UsageError(f"{source.path}: {kind}, which cannot be read as a configuration", READ)
