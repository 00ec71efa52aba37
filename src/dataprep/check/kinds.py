"""The table of findings: what each is called, why it matters, and what mends it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Where = Literal["project", "training"]
About = Literal["pixels", "captions", "layout"]
BOTH: frozenset[Where] = frozenset({"project", "training"})
TRAINING: frozenset[Where] = frozenset({"training"})


@dataclass(frozen=True, slots=True)
class Kind:
    """One way in which a folder can be wrong."""

    name: str
    about: About
    """What has to be read to find it."""
    why: str
    fix: str
    """The command, or else the action, that mends it in a project.

    "DIR" stands for the folder, "WHAT" for what the hits say: a trigger word, tags, a number.
    """
    training_fix: str = ""
    """The same for a training folder; empty: as in a project."""
    fatal: frozenset[Where] = frozenset()
    """Where training fails by it, or loses data."""

    def mends(self, where: Where, folder: Path, what: str) -> str:
        """What to do about it in this folder."""
        text = self.training_fix if where == "training" and self.training_fix else self.fix
        words = {"DIR": shlex.quote(str(folder)), "WHAT": shlex.quote(what)}
        return " ".join(words.get(word, word) for word in text.split(" "))


TAG = "dataprep tag DIR --model wd-eva02-large-tagger-v3"
REJECT = "dataprep verdict DIR reject --found {}"
OUT_OF_IT = "take them out, or reject them in their project and export again"
AGAIN = "make it again: dataprep export PROJECT DIR --concept NAME"
RENAME = "rename the files"

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "leaf-folder",
            "layout",
            "the trainer looks for N_concept folders inside it: no data found",
            "give its parent",
            fatal=BOTH,
        ),
        Kind(
            "outer-folder",
            "layout",
            "the trainer does not look for N_concept folders that deep",
            "give the folder inside",
            fatal=BOTH,
        ),
        Kind(
            "no-concept-folder",
            "layout",
            "no folder here is named like 10_concept: nothing to train on",
            AGAIN,
            fatal=BOTH,
        ),
        Kind(
            "bad-config",
            "layout",
            "the trainer cannot use its settings file",
            "mend the line that is named",
            fatal=BOTH,
        ),
        Kind(
            "unreadable",
            "pixels",
            "stops the trainer, or costs it hours of caching",
            REJECT.format("unreadable"),
            "put a whole copy in its place, or take it out",
            fatal=BOTH,
        ),
        Kind(
            "not-utf8",
            "captions",
            "the trainer stops at a caption that is not UTF-8",
            "save the named captions as UTF-8 in an editor",
            fatal=BOTH,
        ),
        Kind(
            "empty-caption",
            "captions",
            "kohya stops at a caption without a line",
            TAG,
            "write a caption into the named files, or remove them",
            fatal=TRAINING,
        ),
        Kind(
            "no-prefix",
            "layout",
            "not named N_concept, N from 1 on: left out with only a warning",
            RENAME,
        ),
        Kind(
            "empty-folder",
            "layout",
            "a concept folder without pictures trains nothing",
            "put pictures in, or remove the folder",
        ),
        Kind(
            "loose-pictures",
            "layout",
            "pictures beside the N_concept folders are not read",
            "move them into a folder named like 10_concept",
        ),
        Kind(
            "nested-pictures",
            "layout",
            "folders inside N_concept are not read",
            "move them up into the N_concept folder",
        ),
        Kind(
            "unseen-extension",
            "layout",
            "kohya reads .png .jpg .jpeg .webp .bmp, all lower or all upper",
            "save them as .png; a .Jpg only needs another name",
        ),
        Kind(
            "stem-collision",
            "layout",
            "of the same name: they share one caption and one latent cache",
            RENAME,
        ),
        Kind(
            "caption-extension",
            "captions",
            "is not read: the picture trains without its words",
            RENAME,
        ),
        Kind(
            "missing-caption",
            "captions",
            "trains under the folder's name alone",
            TAG,
            "write them, or run dataprep tag in the project and export again",
        ),
        Kind(
            "orphan-caption",
            "captions",
            "belongs to no picture",
            "give it its picture's name, or remove it",
        ),
        Kind(
            "multi-line-caption",
            "captions",
            "kohya reads the first line only",
            "join the lines: tags are separated by commas",
        ),
        Kind(
            "byte-order-mark",
            "captions",
            "kohya takes the invisible mark for part of the trigger word",
            "save the named captions as UTF-8 without BOM",
        ),
        Kind(
            "long-caption",
            "captions",
            "what is beyond the budget of tokens is cut away",
            "set max_token_length = WHAT in the trainer, or shorten them",
        ),
        Kind(
            "trigger-position",
            "captions",
            "shuffling and dropout spare only the first tags",
            "dataprep prune DIR --trigger WHAT",
            "put it first, or run dataprep prune in the project and export again",
        ),
        Kind(
            "tag-everywhere",
            "captions",
            "is learned under that tag, not under the trigger word",
            "dataprep prune DIR --remove WHAT",
            "remove what is the concept itself: dataprep prune in the project, then export again",
        ),
        Kind(
            "exif-orientation",
            "pixels",
            "kohya ignores EXIF: it is trained lying on its side",
            "",
            AGAIN,
        ),
        Kind(
            "alpha",
            "pixels",
            "kohya drops transparency: what it hid is trained on",
            "",
            AGAIN,
        ),
        Kind(
            "colour-profile",
            "pixels",
            "kohya ignores profiles: its colours are trained wrong",
            "",
            AGAIN,
        ),
        Kind(
            "too-small",
            "pixels",
            "is enlarged: soft pictures teach softness",
            REJECT.format("too-small"),
            "take larger originals, or train at a lower resolution",
        ),
        Kind(
            "extreme-aspect",
            "pixels",
            "no bucket is that long: much of it is cut away",
            "dataprep split DIR",
            "cut them into several pictures",
        ),
        Kind(
            "blurred",
            "pixels",
            "soft pictures teach softness",
            REJECT.format("blurred"),
            OUT_OF_IT,
        ),
        Kind(
            "dark",
            "pixels",
            "even its bright parts are dark: little to learn from",
            REJECT.format("dark"),
            OUT_OF_IT,
        ),
        Kind(
            "flat",
            "pixels",
            "so little contrast that there is little to learn from",
            REJECT.format("flat"),
            OUT_OF_IT,
        ),
        Kind(
            "borders",
            "pixels",
            "the letterbox is learned with the picture",
            "dataprep crop DIR --trim",
            "run dataprep crop --trim in the project and export again",
        ),
        Kind(
            "duplicate",
            "pixels",
            "the same file again: seen more often than the others",
            "dataprep dedupe DIR",
            "remove all but one of each",
        ),
        Kind(
            "mask-doubt",
            "pixels",
            "no subject was found, or everything was taken for it",
            "dataprep background DIR --model isnet-anime --redo",
        ),
    )
}
"""Every finding by name, the most urgent first."""
