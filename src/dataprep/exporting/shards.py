"""Training pictures in tar files, as WebDataset reads them.

The files of one sample stand together under one key: ``10_zumi/a.png``, ``.txt``, ``.mask.png`` and
``.json``. A key ends at the first dot of the file's name. Format:
https://github.com/webdataset/webdataset#the-webdataset-format
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dataprep import files, layout
from dataprep.cluster import Engine, spread
from dataprep.exporting.encoders import ENDINGS
from dataprep.exporting.manifest import digest_of
from dataprep.exporting.writer import Form, Item, makers_of
from dataprep.images import BadImage
from dataprep.originals import Originals
from dataprep.pool import ordered, threads

Sample = tuple[str, Item]
"""A key, and the picture that has it."""
Members = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Shard:
    """One tar file that is to be written."""

    name: str
    samples: tuple[Sample, ...]

    def source(self, form: Form) -> str:
        """What it is made of: equal text, equal bytes."""
        parts = [[key, _facts(item), item.wanted(form)] for key, item in self.samples]
        return digest_of(json.dumps([form.key, parts]).encode())


@dataclass(frozen=True, slots=True)
class Packed:
    """A shard that lies ready beside its place, flushed."""

    made: Path
    digest: str
    problems: tuple[tuple[str, str], ...]
    """Names of pictures that are not in it, and why."""


def shards_of(items: Iterable[Item], size: int) -> list[Shard]:
    """The pictures in the order of their keys, so many to a shard."""
    samples = _keyed(items)
    return [
        Shard(f"shard-{start // size:06}.tar", tuple(samples[start : start + size]))
        for start in range(0, len(samples), size)
    ]


def _keyed(items: Iterable[Item]) -> list[Sample]:
    samples: dict[str, Sample] = {}
    for item in sorted(items, key=lambda item: (item.part.folder, item.stem)):
        folder = item.part.folder.removeprefix(f"{layout.IMAGES}/")
        base = key = f"{folder}/{item.stem.replace('.', '_')}"
        number = 1
        while key.casefold() in samples:
            number += 1
            key = f"{base}-{number}"
        samples[key.casefold()] = key, item
    return sorted(samples.values(), key=lambda sample: sample[0])


@dataclass(frozen=True, slots=True)
class Packer:
    """How a worker that packs shards is made; it packs them here as well."""

    originals: Originals
    out: Path
    form: Form

    @property
    def sees(self) -> tuple[Path, ...]:
        """The project and the folder of the shards."""
        return self.originals.root, self.out

    def open(self, cores: int) -> PackingWorker:
        """Nothing is loaded."""
        return PackingWorker(self, cores)


class PackingWorker:
    """Draws the pictures of shards, ``cores`` at once, and packs them."""

    device = remark = ""

    def __init__(self, packer: Packer, cores: int) -> None:
        self._packer, self._cores = packer, cores

    def __call__(self, batch: Sequence[Shard]) -> list[Packed]:
        """The shards, each under a name for the time being."""
        return [self._packed(shard) for shard in batch]

    def _packed(self, shard: Shard) -> Packed:
        made = Path(files.temp_beside(str(self._packer.out), shard.name))
        problems = []
        drawn = ordered(shard.samples, self._drawn, self._cores, 2 * self._cores)
        with closing(drawn), tarfile.open(made, "w", format=tarfile.PAX_FORMAT) as tar:
            for (_, item), members in drawn:
                if isinstance(members, str):
                    problems.append((item.picture.name, members))
                    continue
                for name, data in members:
                    # nothing of when and by whom: equal samples, equal bytes
                    info = tarfile.TarInfo(name)
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
        files.sync(made)
        with made.open("rb") as stream:
            digest = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16))
        return Packed(made, digest.hexdigest(), tuple(problems))

    def _drawn(self, sample: Sample) -> Members | str:
        key, item = sample
        form = self._packer.form
        makers = makers_of(self._packer.originals, item, form)
        endings = {
            item.picture_file(form): ENDINGS[form.format],
            item.caption_file: ".txt",
            item.mask_file(form): ".mask.png",
        }
        wanted = item.wanted(form)
        try:
            members = [(key + end, makers[n]()) for n, end in endings.items() if n in wanted]
        except BadImage as error:
            return error.message
        return [*members, (f"{key}.json", json.dumps(_facts(item), ensure_ascii=False).encode())]


def packed(
    engine: Engine, packer: Packer, shards: Sequence[Shard]
) -> Generator[tuple[Shard, Packed] | None, None, None]:
    """The shards as they are done, here or on a cluster; None after a silent moment."""
    if not engine.is_spread:
        worker = packer.open(threads())
        for shard in shards:
            yield shard, worker([shard])[0]
        return
    with closing(spread(engine, packer, shards, 1)) as landed:
        for one in landed:
            if one is None:
                yield None
            else:
                yield from one.pairs


def _facts(item: Item) -> dict[str, object]:
    """What a trainer may want to know of a sample."""
    crop = item.decisions.crop
    size = crop or item.picture
    return {
        "name": item.picture.name,
        "concept": item.part.concept,
        "repeats": item.part.repeats,
        "regular": item.part.regular,
        "width": size.width,
        "height": size.height,
    }
