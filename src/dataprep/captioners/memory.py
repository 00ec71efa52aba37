"""What a captioner wrote here before, and the tasks that are left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath

from dataprep import concept
from dataprep.captioners.describing import Task
from dataprep.captioners.parts import Answer, recalled
from dataprep.captioners.prompts import Template
from dataprep.captions import SEPARATOR, split_tags
from dataprep.dataset import Dataset
from dataprep.decisions import Decisions
from dataprep.images import BadImage
from dataprep.store import Picture

UNDECIDED = Decisions()


class Memory:
    """The remembered texts of one captioner with one template."""

    def __init__(self, dataset: Dataset, key: str) -> None:
        self._texts = {where: recalled(text) for where, text in dataset.store.texts(key).items()}
        self._of_picture: Mapping[tuple[str, str], list[Answer]] = defaultdict(list)
        for (sha, place), answer in self._texts.items():
            self._of_picture[sha, place.partition(".")[0]].append(answer)

    def answer(self, task: Task) -> Answer | None:
        """What was written of this render with this prompt."""
        return self._texts.get(task.key)

    def found_in(self, caption: str, picture: Picture, decisions: Decisions) -> list[Answer]:
        """What of it stands in a caption, whatever the prompt was then; the longest first."""
        known = self._of_picture.get((picture.sha, decisions.render_key), [])
        found = [answer for answer in known if answer.text in caption]
        return sorted(found, key=lambda answer: -len(answer.text))


class Prompter:
    """Makes the tasks of a run: each picture with its prompt.

    Tags are those of the project's own caption files, so that tags in .txt can ground captions in
    .caption. What this captioner wrote into them itself is no tag.
    """

    def __init__(self, dataset: Dataset, template: Template, memory: Memory) -> None:
        self._dataset, self._template, self._memory = dataset, template, memory
        self._trigger = concept.read(dataset.store).trigger
        self._decisions = dataset.decisions()
        self.without_tags: list[str] = []
        """Names of the pictures of which no tag is known, where the prompt asks for tags."""

    def tasks(self, pictures: Sequence[Picture]) -> list[Task]:
        """A task for each picture."""
        if "tags" not in self._template.places:
            return [self._task(picture, "") for picture in pictures]
        with _reading(self._dataset, self._dataset.own_extension):
            return [self._task(picture, self._tags(picture)) for picture in pictures]

    def _task(self, picture: Picture, tags: str) -> Task:
        name = PurePosixPath(picture.name).stem
        prompt = self._template.render(tags, self._trigger, name)
        return Task(picture, self._decisions.get(picture.name, UNDECIDED), prompt)

    def _tags(self, picture: Picture) -> str:
        try:
            caption = self._dataset.caption(picture.name) or ""
        except BadImage:
            caption = ""
        decisions = self._decisions.get(picture.name, UNDECIDED)
        for answer in self._memory.found_in(caption, picture, decisions):
            caption = caption.replace(answer.text, "")
        tags = [tag for tag in split_tags(caption) if tag != SEPARATOR]
        if not tags:
            self.without_tags.append(picture.name)
        return ", ".join(tags)


def settled(dataset: Dataset, memory: Memory, tasks: Sequence[Task]) -> dict[str, Answer]:
    """Pictures whose caption has the captioner's text in it already, by name.

    With {tags} in the prompt a caption written into the tags' own file changes the next prompt;
    without this it would be written again and again.
    """
    found: dict[str, Answer] = {}
    if dataset.caption_extension != dataset.own_extension:
        return found
    for task in tasks:
        caption = dataset.caption(task.picture.name) or ""
        if answers := memory.found_in(caption, task.picture, task.decisions):
            found[task.picture.name] = answers[0]
    return found


@contextmanager
def _reading(dataset: Dataset, extension: str) -> Iterator[None]:
    """Let the dataset read captions of another extension for a while."""
    before, dataset.caption_extension = dataset.caption_extension, extension
    try:
        yield
    finally:
        dataset.caption_extension = before
