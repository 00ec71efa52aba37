"""Runs a matting network over prepared pictures, on the CPU one a lane, on CUDA in batches."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageChops

from dataprep.errors import DataprepError
from dataprep.inference import (
    Device,
    device_of,
    fallback,
    first_line,
    open_session,
    ort_errors,
    providers,
    session_options,
    unloadable,
)
from dataprep.matting import contracts
from dataprep.matting.contracts import Contract, Pixels
from dataprep.matting.source import Source, rembg_class, weights
from dataprep.render import flatten

PIXELS_AT_ONCE = 8 * 1024 * 1024
"""How much goes through a GPU together at first: 8 pictures of 1024×1024."""
MOST_AT_ONCE = 32
PIXELS_IN_LANES = 4 * 320 * 320
"""How much goes through a CPU side by side. A run that has few cores for itself waits less for
others than one that needs all of them at once; but each takes its own memory, large ones much."""


class Matter(Protocol):
    """A matting network ready to run. ``prepare`` may be called from several threads at once."""

    device: str
    """Where it runs: "cuda" or "cpu"."""
    remark: str
    """What a person should know of how it runs; empty when there is nothing to say."""
    at_once: int
    """How many pictures go through the network together at most."""
    lanes: int
    """How many threads may call ``masks`` side by side."""
    side: int | None
    """Of the square it sees (pixels); None: it takes pictures as they are."""

    def prepare(self, image: Image.Image) -> Pixels:
        """What the network is given of an upright picture in RGB or RGBA: (height, width, 3)."""

    def masks(self, batch: Sequence[Pixels]) -> list[Pixels]:
        """The foreground of prepared pictures, each (height, width): 255 is subject."""


class Network:
    """A network whose contract is known."""

    def __init__(
        self, name: str, session: Any, contract: Contract, remark: str = "", lanes: int = 1
    ) -> None:
        self.device, self.remark = device_of(session), remark
        self.lanes = lanes if self.device == "cpu" else 1
        given = session.get_inputs()[0]
        self._side: int = given.shape[2] if isinstance(given.shape[2], int) else contract.side
        self.side: int | None = self._side
        most = min(MOST_AT_ONCE, max(1, PIXELS_AT_ONCE // self._side**2))
        # on the CPU a batch costs memory and gains nothing; some exports take one picture only
        fixed = isinstance(given.shape[0], int)
        self.at_once = 1 if self.device == "cpu" or fixed else most
        self._name, self._session, self._contract = name, session, contract
        self._input, self._output = given.name, session.get_outputs()[0].name

    def prepare(self, image: Image.Image) -> Pixels:
        """The picture squashed to the network's square: (side, side, 3)."""
        return contracts.prepare(image, self._side)

    def masks(self, batch: Sequence[Pixels]) -> list[Pixels]:
        """The foreground of prepared pictures, at the size at which the network says it."""
        found: list[Pixels] = []
        while len(found) < len(batch):
            part = batch[len(found) : len(found) + self.at_once]
            found.extend(self._forward(np.stack(part)))
        return found

    def _forward(self, batch: Pixels) -> Pixels:
        """The same of the first pictures of ``batch``: as many as the memory takes."""
        try:
            given = {self._input: contracts.feed(batch, self._contract)}
            said = self._session.run([self._output], given)[0]
        except ort_errors() as error:
            if len(batch) == 1:
                raise _failed(self._name, error) from None
            # most likely out of memory: go on with half, and stay there
            self.at_once = len(batch) // 2
            return self._forward(batch[: self.at_once])
        return contracts.masks(said, self._contract)


class Foreign:
    """A network that rembg runs in its own way, such as one with a mask per kind of clothing."""

    def __init__(self, name: str, session: Any, remark: str = "") -> None:
        self.at_once = self.lanes = 1
        self.side: int | None = None
        self.device, self.remark = device_of(session.inner_session), remark
        self._name, self._session = name, session

    def prepare(self, image: Image.Image) -> Pixels:
        """The whole picture: rembg does the rest."""
        return np.asarray(flatten(image))

    def masks(self, batch: Sequence[Pixels]) -> list[Pixels]:
        """The foreground of pictures, at their size: all that rembg finds, together."""
        return [self._mask(pixels) for pixels in batch]

    def _mask(self, pixels: Pixels) -> Pixels:
        try:
            found = self._session.predict(Image.fromarray(pixels))
        except ort_errors() as error:
            raise _failed(self._name, error) from None
        whole = found[0].convert("L")
        for mask in found[1:]:
            whole = ImageChops.lighter(whole, mask.convert("L"))
        return np.asarray(whole)


def open_matter(source: Source, device: Device = "auto", cores: int = 0) -> Matter:
    """Load a model; rembg fetches its own weights when they are missing.

    ``cores`` of the machine are for it; 0: all of them. Raises ``DataprepError`` when that fails,
    or when a file does not keep its contract.
    """
    cores = cores or os.cpu_count() or 1
    path = weights(source)
    if source.file is None and source.contract is None:
        return _foreign(source, device)
    contract = source.contract or contracts.of_side(None)
    lanes = lanes_for(contract.side, cores)
    session, remark = open_session(path, device, max(1, cores // lanes))
    side = _side(path, session)
    if source.contract is None and side not in (None, contract.side):
        contract = contracts.of_side(side)
        said = f"{path.name} takes {side}×{side}: fed like {contract.family} (see --contract)"
        remark = "; ".join(part for part in (remark, said) if part)
    if lanes != lanes_for(side or contract.side, cores):
        lanes = lanes_for(side or contract.side, cores)
        session, _ = open_session(path, device, max(1, cores // lanes))
    return Network(source.name, session, contract, remark, lanes)


def lanes_for(side: int, cores: int) -> int:
    """How many pictures of this side are in the network at once on so many cores of a CPU."""
    return max(1, min(cores, PIXELS_IN_LANES // side**2))


def _foreign(source: Source, device: Device) -> Foreign:
    wanted = providers(device)
    try:
        session = rembg_class(source.name)(source.name, session_options(), providers=list(wanted))
    except ort_errors() as error:
        raise unloadable(source.name, error) from None
    return Foreign(source.name, session, fallback(session.inner_session, wanted, device))


def _side(path: Path, session: Any) -> int | None:
    """The square that a file takes; None: any. Raises ``DataprepError`` for another shape."""
    seen, said = session.get_inputs()[0].shape, session.get_outputs()[0].shape
    fixed = {size for size in seen[2:] if isinstance(size, int)}
    shaped = len(seen) == 4 == len(said) and (seen[1] == 3 or not isinstance(seen[1], int))
    if not shaped or len(fixed) > 1:
        raise DataprepError(
            f"{path}: takes {seen} and gives {said}, not (batch, 3, side, side) and a mask",
            "a matting model takes one square picture in RGB; rembg's own go by their names",
        )
    return fixed.pop() if fixed else None


def _failed(name: str, error: Exception) -> DataprepError:
    return DataprepError(f"model {name} failed: {first_line(error)}")
