"""Which matting model is meant, and where its weights are: rembg's own by name, or an ONNX file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from dataprep.errors import DataprepError, UsageError
from dataprep.files import content_hash
from dataprep.inference import first_line
from dataprep.matting import contracts
from dataprep.matting.contracts import Contract
from dataprep.weights import find_matting

NOT_OFFERED = frozenset({"sam", "u2net_custom", "dis_custom", "ben_custom"})
"""They need clicks, or a file: a file is given by its path."""


@dataclass(frozen=True, slots=True)
class Source:
    """A matting model that is not loaded yet."""

    name: str
    key: str
    """Names the masks it makes; safe in file names."""
    file: Path | None
    """None: one of rembg's own, which rembg keeps and fetches itself."""
    contract: Contract | None = None
    """None: of a file, go by its input; of a name, rembg runs it in its own way."""


def read_matting(name_or_path: str, contract: contracts.Name = "auto") -> Source:
    """The model by name or path; nothing is loaded. Raises ``DataprepError``.

    ``contract`` is for files only: rembg's own models have theirs.
    """
    chosen = None if contract == "auto" else contracts.contracts()[contract]
    path = find_matting(name_or_path)
    if path is not None:
        name = path.parent.name if path.stem == "model" else path.stem
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name)
        key = f"{safe}@{content_hash(path)[:12]}"
        return Source(name, f"{key}.{contract}" if chosen else key, path, chosen)
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name_or_path) or name_or_path in NOT_OFFERED:
        raise UsageError(
            f"background model '{name_or_path}' is not known",
            "give a name that rembg knows (isnet-anime, u2net, …), an .onnx file, or demo",
        )
    own = contracts.of_model(name_or_path)
    if chosen not in (None, own):
        raise UsageError(
            f"rembg's {name_or_path} does not keep the contract '{contract}'",
            "--contract is for .onnx files; leave it out",
        )
    return Source(name_or_path, name_or_path, None, own)


def missing_weights(source: Source) -> Path | None:
    """Where rembg will put the weights that it has to fetch first; None: they are here."""
    if source.file is not None:
        return None
    kind = rembg_class(source.name)
    name = f"{source.name}.onnx"
    return Path(kind.model_dir()) / name if kind.resolve_existing(name) is None else None


def weights(source: Source) -> Path:
    """The file of a model; rembg fetches its own when they are missing.

    Raises ``DataprepError`` when that fails.
    """
    if source.file is not None:
        return source.file
    place = missing_weights(source)
    try:
        return Path(rembg_class(source.name).download_models())
    except (OSError, ValueError, ImportError) as error:
        if place is None:
            raise DataprepError(f"{source.name}: cannot be loaded ({first_line(error)})") from None
        raise DataprepError(
            f"the weights of {source.name} are not on this machine and cannot be fetched "
            f"({first_line(error)})",
            f"save them as {place}; https://github.com/danielgatis/rembg/releases/tag/v0.0.0 "
            "holds them",
        ) from None


def rembg_class(name: str) -> Any:
    """rembg's class for one of its models. Raises ``UsageError`` where it has none to run here."""
    known = rembg("rembg.sessions").sessions
    # the others send pictures to a service on the net
    offered = [key for key, kind in known.items() if kind.is_local() and key not in NOT_OFFERED]
    if name not in offered:
        raise UsageError(
            f"background model '{name}' is not one that rembg runs on this machine",
            f"known: {', '.join(offered)}; or an .onnx file, or demo",
        )
    return known[name]


def rembg(module: str) -> Any:
    """A module of rembg.

    Its package imports pymatting, whose functions numba compiles at the first import of an
    installation: 40 s for something that is not used here. So numba is told not to.
    """
    settings = import_module("numba").config
    before = settings.DISABLE_JIT
    settings.DISABLE_JIT = True
    try:
        return import_module(module)
    finally:
        settings.DISABLE_JIT = before
