"""Whatever file a person has, as a config of ours: a train.toml, or one of another program.

>>> given = load(Path("train.ps1"), ["max_train_epochs=4"])  # doctest: +SKIP
>>> given.report.lines()  # doctest: +SKIP
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dataprep.errors import DataprepError, UsageError
from dataprep.settings import build, read_toml
from train.compat import encoding, recognising, toml_files
from train.compat.foreign import Foreign, Source, exists, placed
from train.compat.mapping import translate
from train.compat.options import KNOWN, nearest
from train.compat.report import Left, MappingReport
from train.compat.values import shown
from train.config import TrainConfig, reading
from train.presets import LENGTHS, Wanted

Placing = Callable[[Mapping[str, Any], Path], dict[str, Any]]
"""Makes the paths in values absolute, seen from the folder of their file."""
OURS = frozenset(TrainConfig.model_fields)
THEIRS_ONLY = KNOWN - OURS
MADE = ("output_dir", "logging_dir")
"""Folders that a run makes; all other paths name what has to be there."""
NEEDED = tuple(key for key in reading.PATH_KEYS if key not in MADE)
HUB_NAME = re.compile(r"[\w.-]+/(?!.*\.(safetensors|ckpt|pt)$)[\w.-]+")
"""What may be a repository of the Hub, which is not asked here."""


@dataclass(frozen=True, slots=True)
class Given:
    """A config, the file it is from, and what became of the file's keys if it is not ours."""

    config: TrainConfig
    file: Path
    report: MappingReport | None = None

    def lines(self) -> list[str]:
        """What became of another program's keys, for people; nothing for a file of ours."""
        return self.report.lines() if self.report else []


def load(path: Path | str, overrides: Iterable[str] = (), wanted: Wanted | None = None) -> Given:
    """The config in a file of any known format, or in the ``train.toml`` of a folder.

    A preset that is ``wanted`` says what the file leaves open, and ``overrides``, ``key=value`` of
    ours, win over both. Raises ``UsageError`` with file and reason.
    """
    path, overrides = _file(Path(path)), list(overrides)
    with _in_one_line(path):
        if wanted is None and is_ours(path):
            return Given(reading.load(path, overrides), path)
        values, report = _told(path, overrides, wanted)
        where = f"{path} with --set" if overrides else str(path)
        return Given(build(TrainConfig, values, where), path, report)


def read(
    path: Path | str, overrides: Iterable[str] = (), wanted: Wanted | None = None
) -> tuple[dict[str, Any], MappingReport | None]:
    """Our values in a file of any known format, unchecked; nothing it names has to be there.

    Paths are absolute texts. Raises ``UsageError`` with file and reason.
    """
    path, overrides = _file(Path(path)), list(overrides)
    with _in_one_line(path):
        return _told(path, overrides, wanted)


def fault(values: Mapping[str, Any], where: str) -> str:
    """Why a run with such values would not begin; empty if nothing is wrong with them."""
    try:
        build(TrainConfig, values, where)
    except UsageError as error:
        return " ".join(error.message.split())
    return ""


def _told(
    path: Path, overrides: Iterable[str], wanted: Wanted | None
) -> tuple[dict[str, Any], MappingReport | None]:
    """The values of a preset, a file and ``key=value``; the latter win."""
    values, report, placing = _values(path)
    reading.check_keys(values, str(path))
    folder = path.absolute().parent
    if wanted is not None:
        values, report = _begun(wanted, placing(values, folder), report)
    for override in overrides:
        reading.set_value(values, override)
    reading.check_keys(values, f"{path} with --set")
    found = placing(values, folder)
    if report is not None:
        report = replace(report, missing=tuple(_missing(found)))
    return found, report


def _begun(
    wanted: Wanted, values: Mapping[str, Any], report: MappingReport | None
) -> tuple[dict[str, Any], MappingReport | None]:
    """A preset for what a file leaves open, be it that sd-scripts has a default for it."""
    assumed = {entry.ours for entry in report.mapped if not entry.is_said} if report else set()
    said = {key: value for key, value in values.items() if key not in assumed}
    found = wanted.under(said)
    left = {key: values[key] for key in assumed if key not in found and not _is_rival(key, found)}
    if report is not None:
        kept = [entry for entry in report.mapped if entry.is_said or entry.ours in left]
        new = [(key, value) for key, value in found.items() if key not in said]
        report = replace(report, mapped=tuple(kept), preset=tuple(new))
    return {**found, **left}, report


def _is_rival(key: str, found: Mapping[str, Any]) -> bool:
    return key in LENGTHS and any(length in found for length in LENGTHS)


def _values(path: Path) -> tuple[dict[str, Any], MappingReport | None, Placing]:
    if is_ours(path):
        return reading.flatten(read_toml(path), path), None, _from_folder
    source = encoding.read(path)
    values, report = translate(_with_config_file(recognising.foreign(source), source), source)
    return values, report, _placed


def is_ours(path: Path) -> bool:
    """Whether a file is a train.toml: by its name, its tables, or because all its keys are ours.

    A TOML file with a key that only sd-scripts has is theirs. Raises ``UsageError`` for one whose
    keys nobody knows, with the first of them, its line and the nearest known one.
    """
    if path.name == reading.FILE_NAME:
        return True
    if path.suffix.lower() != ".toml":
        return False
    source = encoding.read(path)
    tables = toml_files.tables(source)
    if recognising.EASY_TOML.search(source.text):
        return False
    if _has_our_tables(tables):
        return True
    keys = toml_files.flat(tables)
    if "datasets" in keys or any(key in THEIRS_ONLY or key == toml_files.RESTARTS for key in keys):
        return False
    strange = [key for key in keys if key not in OURS]
    if strange:
        raise _strange(source, strange[0])
    return bool(keys)


def _has_our_tables(tables: Mapping[str, Any]) -> bool:
    subsets = tables.get("subsets")
    return isinstance(tables.get("concept"), dict) or (
        isinstance(subsets, list) and all(isinstance(one, dict) for one in subsets)
    )


def _strange(source: Source, key: str) -> UsageError:
    lines = [
        number
        for number, line in enumerate(source.text.splitlines(), start=1)
        if line.partition("=")[0].strip().strip("\"'") == key
    ]
    where = f", line {lines[0]}" if lines else ""
    near = nearest(key)
    hint = f"did you mean '{near}'?" if near else "it is a key of neither ours nor sd-scripts'"
    return UsageError(f"{source.path}{where}: unknown setting {key!r}", hint)


def _file(path: Path) -> Path:
    return path / reading.FILE_NAME if path.is_dir() else path


def _with_config_file(foreign: Foreign, source: Source) -> Foreign:
    """A command with the keys of the TOML file it names, which its own options win over."""
    name = foreign.options.get("config_file")
    if not isinstance(name, str) or not name:
        return foreign
    path = source.beside(name if name.endswith(".toml") else f"{name}.toml")
    if not exists(path):
        missing = Left("config_file", f"there is no file {shown(name)}")
        options = {key: value for key, value in foreign.options.items() if key != "config_file"}
        return replace(foreign, options=options, refused=(*foreign.refused, missing))
    told = toml_files.flat(toml_files.tables(encoding.read(path)))
    return replace(foreign, options={**told, **foreign.options})


def _from_folder(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The values of a file of ours with absolute paths, as texts."""
    found = reading.from_folder(values, folder)
    return {
        key: [_texts(entry) for entry in value] if key == "subsets" else value
        for key, value in _texts(found).items()
    }


def _texts(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: str(value) if isinstance(value, Path) else value for key, value in values.items()}


def _placed(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The values with absolute paths; a base model that is no file here may be one of the Hub."""
    found = dict(values)
    start = _start(values, folder)
    for key in reading.PATH_KEYS:
        if isinstance(values.get(key), str):
            found[key] = str(placed(values[key], folder, start))
    for key in reading.MODEL_KEYS:
        if isinstance(values.get(key), str):
            found[key] = _here_or_hub(values[key], folder)
    if isinstance(values.get("base_weights"), list):
        found["base_weights"] = [_here_or_hub(name, folder) for name in values["base_weights"]]
    return found


def _start(values: Mapping[str, Any], folder: Path) -> Path:
    """Where the output goes: beside the pictures or the base, if these lie at the file.

    Else it is the current folder: a line pasted into a file says nothing of where it was run.
    """
    here = folder.absolute()
    paths = [placed(name, folder) for name in _names(values).values()]
    lie_here = (isinstance(it, Path) and it.is_relative_to(here) and exists(it) for it in paths)
    return here if any(lie_here) else Path.cwd()


def _names(values: Mapping[str, Any]) -> dict[str, str]:
    """What the values name that has to be there, by key."""
    named = {key: values.get(key) for key in (*reading.MODEL_KEYS, *NEEDED)}
    for number, subset in enumerate(values.get("subsets", ()), start=1):
        named |= {f"subsets {number} {key}": subset.get(key) for key in reading.SUBSET_PATH_KEYS}
    for number, name in enumerate(values.get("base_weights", ()), start=1):
        named[f"base_weights {number}"] = name
    return {key: name for key, name in named.items() if isinstance(name, str) and name}


def _missing(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each key that names what is not there, and the name."""
    for key, name in _names(values).items():
        may_be_hub = key in reading.MODEL_KEYS and HUB_NAME.fullmatch(name)
        if not may_be_hub and not exists(Path(name)):
            yield key, name


def _here_or_hub(name: str, folder: Path) -> str:
    path = placed(name, folder)
    return str(path) if isinstance(path, Path) and exists(path) else name


@contextmanager
def _in_one_line(path: Path) -> Iterator[None]:
    """Whatever is wrong with a file, in one sentence on one line."""
    try:
        yield
    except DataprepError as error:
        error.message = " ".join(error.message.split())
        raise
    except (OSError, RuntimeError, ValueError) as error:
        # paths that no system takes: too long, a zero byte, a home that nobody has
        reason = " ".join(str(error).split())
        raise UsageError(f"{path}: a path in it cannot be used ({reason})") from None
