"""The table of stages: a verb, what it does, and where its settings and function live.

A stage's module has ``Settings`` (a ``dataprep.settings.Settings``) and
``run(dataset, settings) -> Job[Report]``. The command line, the recipe in ``dataprep.toml``, the
forms of the TUI and the page in docs/ are all made from these rows. Reading the table imports
nothing heavy: ``load`` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataprep.dataset import Dataset
    from dataprep.jobs import Job
    from dataprep.report import Report
    from dataprep.settings import Settings

INTERRUPTED = "stopped; what was reported as done is kept"


@dataclass(frozen=True, slots=True)
class Stage:
    """One verb."""

    verb: str
    summary: str
    writes: bool = True
    """Whether it takes ``--dry-run``."""
    opens: bool = True
    """Whether its first argument is a project folder that is opened for it."""

    home: str = ""
    """Its module, where that cannot be called like the verb."""
    interrupted: str = INTERRUPTED
    """What is said after Ctrl-C."""

    @property
    def module(self) -> str:
        """Where it lives."""
        return f"dataprep.stages.{self.home or self.verb}"

    def load(self) -> tuple[type[Settings], Callable[[Dataset, Settings], Job[Report]]]:
        """Import the stage: its settings model and its function."""
        module = import_module(self.module)
        return module.Settings, module.run


STAGES: dict[str, Stage] = {
    stage.verb: stage
    for stage in (
        Stage(
            "import",
            "bring pictures in from folders, archives and videos",
            opens=False,
            home="importing",
        ),
        Stage("scan", "probe the pictures of a folder and list what is wrong with any", False),
        Stage("status", "say how far the work is, and what comes next", False),
        Stage("list", "list the pictures that a filter holds for", False, home="listing"),
        Stage("check", "judge a project, or any kohya training folder", False, opens=False),
        Stage("dedupe", "find duplicates and reject all but the best of each"),
        Stage("verdict", "keep or reject pictures"),
        Stage("split", "make views of large pictures: tiles, or head and body"),
        Stage("buckets", "preview the sizes pictures would get, and what they lose", False),
        Stage("crop", "decide cut and size of every picture"),
        Stage("background", "find the foreground and decide what stands behind it"),
        Stage("tag", "tag the pictures with an ONNX tagger; captions to sidecars"),
        Stage("caption", "describe the pictures in words, with a model here or a server"),
        Stage("retag", "choose tags anew from the remembered scores, without the model"),
        Stage("tags", "show how often each tag appears", False),
        Stage("suggest", "rank the tags that belong to what one trains, with the reason"),
        Stage("prune", "take the concept's own tags out, put the trigger word first"),
        Stage("trigger", "set, change or remove the trigger word, first in every caption"),
        Stage("replace", "rename, split or merge tags"),
        Stage("add", "add tags to captions"),
        Stage("sort", "bring the tags of every caption into one order"),
        Stage("move", "move tags to the front or the end"),
        Stage("clean", "set captions to rights: separators, spaces, spelling, repeats"),
        Stage("undo", "take the last edit back"),
        Stage("redo", "carry out again what was undone"),
        Stage("history", "list the edits made so far", False),
        Stage("export", "render the N_concept training folder with captions and train.toml"),
        Stage("train", "train a LoRA on an exported folder", opens=False),
        Stage(
            "watch",
            "follow a training run, or ask it to pause, save, sample or stop",
            False,
            opens=False,
            interrupted="the training run goes on; the same command shows it again",
        ),
        Stage("score", "sample every epoch: does the trigger draw what was pruned?", opens=False),
        Stage("pick", "copy the epoch one keeps to a LoRA folder, under a name", opens=False),
        Stage("models", "list known models, place them by hand, or fetch them", False, opens=False),
        Stage("run", "carry out the whole recipe of dataprep.toml"),
        Stage("demo", "the whole way on the embedded sample, offline", opens=False),
    )
}
"""Every verb that is a stage, in the order of the work."""
