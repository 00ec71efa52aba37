"""Training pictures drawn on a cluster: workers make the files, the driver gives them their names.

So the driver alone keeps the record of what was exported, and each file is noted down before it
takes its name, as when it is drawn here.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dataprep import files
from dataprep.cluster import Engine, spread
from dataprep.exporting.manifest import Manifest, digest_of
from dataprep.exporting.writer import Form, Item, NotOurs, bring, makers_of, not_ours
from dataprep.images import BadImage
from dataprep.originals import Originals
from dataprep.pool import ordered
from dataprep.report import Issue

BATCH = 16
"""So many pictures go to a worker at once."""

Brought = Generator[tuple[Item, bool | Issue] | None, None, None]


@dataclass(frozen=True, slots=True)
class Order:
    """A picture, and which of its files are to be drawn."""

    item: Item
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A file that lies ready beside its place, flushed."""

    name: str
    made: Path
    digest: str


@dataclass(frozen=True, slots=True)
class Drawer:
    """How a worker that draws training pictures is made."""

    originals: Originals
    out: Path
    form: Form

    @property
    def sees(self) -> tuple[Path, ...]:
        """The project and the training folder."""
        return self.originals.root, self.out

    def open(self, cores: int) -> DrawingWorker:
        """Nothing is loaded."""
        return DrawingWorker(self, cores)


class DrawingWorker:
    """Draws training pictures on a machine of a cluster, as it is done here."""

    device = remark = ""

    def __init__(self, drawer: Drawer, cores: int) -> None:
        self._drawer, self._cores = drawer, cores

    def __call__(self, batch: Sequence[Order]) -> list[tuple[Drawn, ...] | str]:
        """Each picture's files, or why there are none."""
        with closing(ordered(batch, self._drawn, self._cores, len(batch))) as results:
            return [drawn for _, drawn in results]

    def _drawn(self, order: Order) -> tuple[Drawn, ...] | str:
        makers = makers_of(self._drawer.originals, order.item, self._drawer.form)
        try:
            return tuple(self._file(name, makers[name]()) for name in order.names)
        except BadImage as error:
            return error.message

    def _file(self, name: str, data: bytes) -> Drawn:
        path = self._drawer.out / name
        made = Path(files.temp_beside(str(path.parent), path.name))
        made.write_bytes(data)
        files.sync(made)
        return Drawn(name, made, digest_of(data))


def bring_spread(
    engine: Engine, drawer: Drawer, manifest: Manifest, items: Sequence[Item]
) -> Brought:
    """Each item with whether anything of it was new, or what went wrong; None while it is silent.

    The folders must be there.
    """
    form = drawer.form
    orders = []
    for item in items:
        if names := _missing(manifest, item, form):
            orders.append(Order(item, names))
        else:
            yield item, _settled(drawer, manifest, item, ())
    if not orders:
        return
    try:
        with closing(spread(engine, drawer, orders, BATCH)) as landed:
            for one in landed:
                if one is None:
                    yield None
                    continue
                for order, drawn in one.pairs:
                    yield order.item, _settled(drawer, manifest, order.item, drawn)
    finally:
        # what workers drew last, or twice, and nobody took
        for folder in {manifest.path(name).parent for order in orders for name in order.names}:
            files.sweep(folder)


def _missing(manifest: Manifest, item: Item, form: Form) -> tuple[str, ...]:
    """The files of a picture that must be drawn; its caption is no work."""
    wanted = item.wanted(form)
    entries = {name: manifest.look(name)[1] for name in wanted if name != item.caption_file}
    return tuple(
        name for name, entry in entries.items() if entry is None or entry.source != wanted[name]
    )


def _settled(
    drawer: Drawer, manifest: Manifest, item: Item, drawn: tuple[Drawn, ...] | str
) -> bool | Issue:
    """Give drawn files their names, and write the caption."""
    if isinstance(drawn, str):
        return Issue(item.picture.name, "unreadable", drawn)
    try:
        wanted = item.wanted(drawer.form)
        new = [_taken(manifest, one, wanted[one.name]) for one in drawn]
        # its pictures are there by now
        return bring(drawer.originals, manifest, item, drawer.form) or any(new)
    except BadImage as error:
        return Issue(item.picture.name, "unreadable", error.message)
    except NotOurs as error:
        return Issue(item.picture.name, "kept", error.message)


def _taken(manifest: Manifest, drawn: Drawn, source: str) -> bool:
    """Give a file its name, unless somebody else's stands there; False when it was the same."""
    if manifest.look(drawn.name)[0] == "foreign":
        if manifest.adopt(drawn.name, source, drawn.made.read_bytes()):
            return False
        raise not_ours(manifest, drawn.name)
    manifest.take(drawn.name, source, drawn.made, drawn.digest)
    return True
