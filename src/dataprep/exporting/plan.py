"""What an export is going to write: each picture's concept, name and caption, and how long that
trains.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataprep import layout
from dataprep.buckets import Bucket, Target, shares
from dataprep.captions import join_tags
from dataprep.dataset import NOTHING, Dataset
from dataprep.exporting import repeats
from dataprep.exporting.parts import Part, assign, by_folder, parse
from dataprep.exporting.settings import Settings
from dataprep.exporting.train_file import EPOCHS, SIZE, values_of
from dataprep.exporting.writer import Item
from dataprep.report import Issue
from dataprep.settings import read_recipe


@dataclass(frozen=True, slots=True)
class Plan:
    """What an export is going to write."""

    items: list[Item]
    tags: Mapping[str, Sequence[str]]
    """The captions of all usable pictures."""
    left_out: list[str]
    """Pictures that no concept takes."""
    length: repeats.Length
    why: str
    """How the number of repeats came about; empty when it was given."""

    @property
    def folders(self) -> dict[str, int]:
        """Pictures in every folder."""
        return dict(Counter(item.part.folder for item in self.items))

    @property
    def parts(self) -> dict[str, tuple[int, int]]:
        """Images and repeats of every folder that is trained on."""
        counts = Counter(item.part for item in self.items if not item.part.regular)
        return {part.folder: (count, part.repeats) for part, count in counts.items()}

    @property
    def uses(self) -> Counter[Bucket]:
        """Images × repeats of every bucket; with the regularization pictures as often again."""
        uses: Counter[Bucket] = Counter()
        regular: Counter[Bucket] = Counter()
        for item in self.items:
            counted = regular if item.part.regular else uses
            counted[_bucket(item)] += item.part.repeats
        if regular:
            uses += Counter(shares(regular, uses.total()))
        return uses

    @property
    def sizes(self) -> Counter[Bucket]:
        """Pictures of every bucket, without repeats."""
        return Counter(_bucket(item) for item in self.items if not item.part.regular)

    @property
    def lines(self) -> tuple[str, ...]:
        """The arithmetic of repeats and steps, for people."""
        lines = [self.why] if self.why else []
        if self.parts:
            lines.append(repeats.arithmetic(self.parts, self.uses, self.length))
        return tuple(lines)

    @property
    def remarks(self) -> list[Issue]:
        """What a person should know of it."""
        bare = [item for item in self.items if not item.caption and not item.part.regular]
        why = "is trained under the folder's name"
        remarks = [Issue(item.picture.name, "no caption", why, fatal=False) for item in bare]
        see = "no concept takes it; give --concept for what is left"
        remarks += [Issue(name, "left out", see, fatal=False) for name in self.left_out]
        return remarks


def make_plan(dataset: Dataset, settings: Settings) -> Plan:
    """Sort the usable pictures into concepts."""
    decisions = dataset.decisions()
    pictures = dataset.usable(decisions)
    tags = dataset.all_tags(pictures)
    captions = {picture.name: tags.get(picture.name, ()) for picture in pictures}
    regular = [parse(text, regular=True) for text in settings.reg]
    given = [parse(text) for text in settings.parts]
    taken = assign(captions, [*regular, *given])
    rest = [name for name in captions if name not in taken]
    length = _length(dataset, settings, any(part.regular for part in taken.values()))
    chosen = repeats.choose(len(rest), settings.kind, settings.steps, length)
    number = settings.repeats or chosen.repeats
    why = chosen.reason if rest and not settings.repeats else ""
    more = by_folder(rest, number) if settings.by_folder else []
    more += [Part(number, settings.concept)] if settings.concept else []
    taken |= assign({name: captions[name] for name in rest}, more)
    stems = _stems(taken)
    items = [
        Item(
            picture,
            decisions.get(picture.name, NOTHING),
            taken[picture.name],
            stems[picture.name],
            join_tags(captions[picture.name]),
        )
        for picture in pictures
        if picture.name in taken
    ]
    left_out = [name for name in captions if name not in taken]
    return Plan(items, tags, left_out, length, why)


def _stems(taken: Mapping[str, Part]) -> dict[str, str]:
    """Names in the flat folders; of pictures chosen by their folder, without that folder."""
    stems: dict[str, str] = {}
    for part in set(taken.values()):
        own = {name: name for name in taken if taken[name] == part}
        if part.selector.endswith("/*") and "*" not in part.selector[:-1]:
            # a concept's folder need not stand in the name of each of its pictures
            own = {name: name[len(part.selector) - 1 :] for name in own}
        short = layout.target_names(own.values())
        stems |= {name: short[inner] for name, inner in own.items()}
    return stems


def _length(dataset: Dataset, settings: Settings, regular: bool) -> repeats.Length:
    """Epochs and batch of the training: as train.toml says, else the recipe, else usual."""
    path = settings.out / layout.TRAIN_FILE
    known = read_recipe(dataset.root).get("train", {}) | (values_of(path) if path.is_file() else {})

    def number(key: str, default: int) -> int:
        value = known.get(key, default)
        return value if isinstance(value, int) and value > 0 else default

    return repeats.Length(
        number("max_train_epochs", EPOCHS),
        number("train_batch_size", 1),
        number("gradient_accumulation_steps", 1),
        doubled=regular,
    )


def _bucket(item: Item) -> Bucket:
    crop = item.decisions.crop
    if crop is not None:
        return crop.width, crop.height
    usual = Target((SIZE, SIZE), buckets=True)
    return usual.choose(item.picture.width, item.picture.height, usual.sizes())
