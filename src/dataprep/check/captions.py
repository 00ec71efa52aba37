"""Findings about captions: where they lie, whether they can be read, what they say."""

from __future__ import annotations

from collections import Counter as Counts
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dataprep.captions import frequency, join_tags, split_tags, tag_key
from dataprep.check.findings import Hit
from dataprep.jobs import Job, Progress
from dataprep.tokens import BUDGETS, Counter, budget_for

SUFFIXES = (".txt", ".caption")
"""Endings of caption files, as the tools write them."""
MARK = "\ufeff"
BATCH = 256
FEW = 4
"""Of fewer captions nothing is said about what all of them have in common."""
USUAL = 0.6
"""Share of captions that begin with a tag from which on it is guessed to be the trigger word."""
COMMON = frozenset(
    {"1girl", "1boy", "1other", "2girls", "2boys", "solo", "no humans", "general", "sensitive"}
)
"""Tags that taggers put first; none of them is a trigger word."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The pictures and captions of one folder and those below it."""

    root: Path
    names: tuple[str, ...]
    """Pictures that are judged: their paths inside ``root``."""
    present: tuple[str, ...]
    """Those and the others, whose captions are no orphans."""
    extension: str = ".txt"
    """The ending of captions that is read."""

    def caption(self, name: str) -> str:
        """Where the caption of a picture belongs: its path inside ``root``."""
        return str(PurePosixPath(name).with_suffix(self.extension))


def read(shelf: Shelf) -> tuple[dict[str, str], list[Hit]]:
    """The captions of pictures as text, and what is wrong with how they are written."""
    texts: dict[str, str] = {}
    hits: list[Hit] = []
    for name in shelf.names:
        path = shelf.root / shelf.caption(name)
        if not path.is_file():
            continue
        try:
            data = path.read_bytes()
            text = data.decode("utf-8")
        except OSError as error:
            hits.append(Hit("unreadable", name, f"{path.name}: {error.strerror}"))
            continue
        except UnicodeDecodeError as error:
            detail = f"{path.name} is not UTF-8: byte {error.start} is {data[error.start]:#04x}"
            hits.append(Hit("not-utf8", name, detail))
            continue
        hits += _form_hits(name, path.name, text)
        if text.removeprefix(MARK).strip():
            texts[name] = text.removeprefix(MARK).strip()
    return texts, hits


def _form_hits(name: str, file: str, text: str) -> Iterator[Hit]:
    if text.startswith(MARK):
        yield Hit("byte-order-mark", name, f"{file} begins with one")
    lines = text.removeprefix(MARK).strip().splitlines()
    if not lines:
        yield Hit("empty-caption", name, f"{file} holds {'only blanks' if text else '0 bytes'}")
    elif len(lines) > 1:
        yield Hit("multi-line-caption", name, f"{file} has {len(lines)} lines")


def place_hits(shelf: Shelf, optional: frozenset[str] = frozenset()) -> Iterator[Hit]:
    """Captions that are missing, have another ending, or belong to nothing; shared stems.

    Pictures in ``optional`` need no caption, such as regularization images.
    """
    sidecars = _sidecars(shelf)
    for name in shelf.names:
        found = sidecars.get(_stem(name), [])
        wanted = PurePosixPath(name).stem + shelf.extension
        others = [file for file in found if file != wanted]
        if others:
            yield Hit("caption-extension", name, *_other_ending(shelf, name, others[0], found))
        elif not found and name not in optional:
            yield Hit("missing-caption", name, f"no {wanted}")
    yield from _shared_stems(shelf.names)
    stems = {_stem(name) for name in shelf.present}
    for stem, files in sidecars.items():
        if stem not in stems:
            folder = PurePosixPath(stem).parent
            yield from (Hit("orphan-caption", str(folder / file)) for file in files)


def _other_ending(shelf: Shelf, name: str, other: str, found: Sequence[str]) -> tuple[str, str]:
    """What is said of a caption with another ending, and what to do."""
    wanted = PurePosixPath(name).stem + shelf.extension
    if wanted in found:
        return f"{other} is not read, {wanted} is", f"remove those not ending in {shelf.extension}"
    ending = PurePosixPath(other).suffix
    return (
        f"has {other}, not {wanted}",
        f'rename them to {shelf.extension}, or set caption_extension = "{ending}" in the trainer',
    )


def _sidecars(shelf: Shelf) -> dict[str, list[str]]:
    """Caption files beside the pictures: stem inside the root → file names."""
    found: dict[str, list[str]] = defaultdict(list)
    for folder in sorted({PurePosixPath(name).parent for name in shelf.present}):
        for path in sorted((shelf.root / folder).iterdir()):
            if path.suffix.lower() in {*SUFFIXES, shelf.extension} and path.is_file():
                found[str(folder / path.stem)].append(path.name)
    return found


def _shared_stems(names: Iterable[str]) -> Iterator[Hit]:
    first: dict[str, str] = {}
    for name in names:
        # case counts for nothing on Windows and macOS
        other = first.setdefault(_stem(name).casefold(), name)
        if other != name:
            yield Hit("stem-collision", name, f"beside {PurePosixPath(other).name}")


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def count(texts: Mapping[str, str], counter: Counter) -> Job[dict[str, int]]:
    """How many tokens each caption has."""
    names = list(texts)
    counts: dict[str, int] = {}
    for start in range(0, len(names), BATCH):
        batch = names[start : start + BATCH]
        found = counter.count_all([texts[name] for name in batch])
        counts.update(zip(batch, found, strict=True))
        yield Progress(start + len(batch), len(names), "counting tokens")
    return counts


def long_hits(counts: Mapping[str, int], counter: Counter, budget: int) -> Iterator[Hit]:
    """Captions of more tokens than the trainer reads, by the counts of their tokens."""
    long = {name: count for name, count in counts.items() if count > budget}
    needed = budget_for(max(long.values(), default=0))
    fix = "" if needed else f"shorten them: no trainer reads more than {BUDGETS[-1]} tokens"
    for name, count in long.items():
        fits = budget_for(count)
        verdict = f"needs max_token_length {fits}" if fits else "too long for any budget"
        detail = f"{counter.says(count)}, {budget} are read: {verdict}"
        yield Hit("long-caption", name, detail, fix=fix, what=str(needed))


def tag_hits(texts: Mapping[str, str], trigger: str, keep_tokens: int) -> Iterator[Hit]:
    """Where the trigger word stands, and what all captions have besides it.

    Without a trigger word that is known, one is guessed from the captions.
    """
    tags = {name: split_tags(text) for name, text in texts.items()}
    likely = trigger or _guess_trigger(tags)
    if likely:
        note = "" if trigger else " (guessed to be the trigger word)"
        for name, own in tags.items():
            if wrong := _misplaced(own, texts[name], likely, max(1, keep_tokens)):
                yield Hit("trigger-position", name, f"'{likely}'{note} {wrong}", what=likely)
    yield from _everywhere_hits(tags, likely)


def _guess_trigger(tags: Mapping[str, Sequence[str]]) -> str:
    """The tag that most captions begin with, if any stands out; the trigger word most likely."""
    firsts = Counts(own[0] for own in tags.values() if own)
    tag, times = firsts.most_common(1)[0] if firsts else ("", 0)
    stands_out = len(tags) >= FEW and times >= USUAL * len(tags)
    return tag if stands_out and tag_key(tag) not in COMMON else ""


def _misplaced(tags: Sequence[str], text: str, trigger: str, first: int) -> str:
    """What is wrong with the trigger word in a caption: it belongs to the ``first`` tags.

    A caption in sentences may have it anywhere.
    """
    keys = [tag_key(tag) for tag in tags]
    key = tag_key(trigger)
    if key in keys:
        place = keys.index(key)
        return f"is tag {place + 1} of {len(keys)}" if place >= first else ""
    return "" if _says(text, trigger) else "is missing"


def _says(text: str, trigger: str) -> bool:
    """Whether a text has the trigger word as a word."""
    words = "".join(letter if letter.isalnum() else " " for letter in text.casefold()).split()
    wanted = "".join(letter if letter.isalnum() else " " for letter in trigger.casefold()).split()
    return f" {' '.join(wanted)} " in f" {' '.join(words)} "


def _everywhere_hits(captions: Mapping[str, Sequence[str]], trigger: str) -> list[Hit]:
    """A hit for each tag that every caption has, but for the trigger word.

    Those that say what kind of picture it is are better kept, so no command removes them.
    """
    if len(captions) < FEW:
        return []
    rows = frequency(captions.values())
    tags = [
        tag for tag, count in rows if count == len(captions) and tag_key(tag) != tag_key(trigger)
    ]
    own = [tag for tag in tags if tag_key(tag) not in COMMON]
    fix = "" if own else "leave it, unless it is the concept itself"
    detail = f"is in all {len(captions)} captions"
    return [
        Hit("tag-everywhere", "", f"'{tag}' {detail}", fix, what=join_tags(own)) for tag in tags
    ]
