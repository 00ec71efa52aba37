"""Foreground masks by rembg: its own models by name, or an ONNX file of U²-Net's contract."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageChops

from dataprep.errors import DataprepError, UsageError
from dataprep.files import content_hash
from dataprep.inference import first_line, ort_errors, session_options
from dataprep.render import flatten
from dataprep.weights import find_matting

SIDE = 320
"""What U²-Net's contract sees of a picture: (1, 3, 320, 320)."""
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


class Matter:
    """A matting network ready to run."""

    def __init__(self, source: Source, session: Any) -> None:
        self._name, self._session = source.name, session

    def mask(self, image: Image.Image) -> Image.Image:
        """The foreground of an upright picture in RGB or RGBA: "L" of its size, 255 is subject."""
        try:
            # rembg stretches what the network says to 0..1: of a picture in one colour, 0/0
            with np.errstate(divide="ignore", invalid="ignore"):
                masks = self._session.predict(flatten(image))
        except ort_errors() as error:
            raise DataprepError(f"model {self._name} failed: {first_line(error)}") from None
        whole: Image.Image = masks[0].convert("L")
        for mask in masks[1:]:
            whole = ImageChops.lighter(whole, mask.convert("L"))
        return whole


def read_matting(name_or_path: str) -> Source:
    """The model by name or path; nothing is loaded. Raises ``DataprepError``."""
    path = find_matting(name_or_path)
    if path is not None:
        name = path.parent.name if path.stem == "model" else path.stem
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name)
        return Source(name, f"{safe}@{content_hash(path)[:12]}", path)
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name_or_path) or name_or_path in NOT_OFFERED:
        raise UsageError(
            f"background model '{name_or_path}' is not known",
            "give a name that rembg knows (isnet-anime, u2net, …), an .onnx file, or demo",
        )
    return Source(name_or_path, name_or_path, None)


def missing_weights(source: Source) -> Path | None:
    """Where rembg will put the weights that it has to fetch first; None: they are here."""
    if source.file is not None:
        return None
    kind = _rembg_class(source.name)
    name = f"{source.name}.onnx"
    return Path(kind.model_dir()) / name if kind.resolve_existing(name) is None else None


def open_matter(source: Source) -> Matter:
    """Load a model; rembg fetches its own weights when they are missing.

    Raises ``DataprepError`` when that fails, or when a file does not keep the contract.
    """
    try:
        session = _placed(source.file) if source.file else _named(source.name)
    except ort_errors() as error:
        raise DataprepError(
            f"{source.file or source.name}: cannot be loaded ({first_line(error)})",
            "the file is cut short, of another kind, or needs a newer onnxruntime",
        ) from None
    if source.file is not None:
        _check_contract(source.file, session.inner_session)
    return Matter(source, session)


def _rembg(module: str) -> Any:
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


def _rembg_class(name: str) -> Any:
    known = _rembg("rembg.sessions").sessions
    # the others send pictures to a service on the net
    offered = [key for key, kind in known.items() if kind.is_local() and key not in NOT_OFFERED]
    if name not in offered:
        raise UsageError(
            f"background model '{name}' is not one that rembg runs on this machine",
            f"known: {', '.join(offered)}; or an .onnx file, or demo",
        )
    return known[name]


def _named(name: str) -> Any:
    place = missing_weights(Source(name, name, None))
    try:
        return _rembg("rembg").new_session(name, sess_opts=session_options())
    except (OSError, ValueError, ImportError) as error:
        if place is None:
            raise DataprepError(f"{name}: cannot be loaded ({first_line(error)})") from None
        raise DataprepError(
            f"the weights of {name} are not on this machine and cannot be fetched "
            f"({first_line(error)})",
            f"save them as {place}; https://github.com/danielgatis/rembg/releases/tag/v0.0.0 "
            "holds them",
        ) from None


def _placed(path: Path) -> Any:
    base: Any = _rembg("rembg.sessions.u2net_custom").U2netCustomSession

    class Placed(base):  # type: ignore[misc]
        """rembg takes such files only from its own folder; ours lie where the user has them."""

        @classmethod
        def download_models(cls, *_: object, **__: object) -> str:
            return str(path)

    return Placed("u2net_custom", session_options(), model_path=str(path))


def _check_contract(path: Path, session: Any) -> None:
    seen, said = session.get_inputs()[0].shape, session.get_outputs()[0].shape
    square = all(not isinstance(size, int) or size == SIDE for size in seen[2:])
    if len(seen) != 4 or len(said) != 4 or not square:
        raise DataprepError(
            f"{path}: takes {seen} and gives {said}, not pictures of {SIDE}×{SIDE}",
            "a file must keep U²-Net's contract; other models go by rembg's names",
        )
