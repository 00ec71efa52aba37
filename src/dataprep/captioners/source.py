"""What writes the captions: a model that runs here, or a server; found, and set to work."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from dataprep.captioners.describing import (
    Describing,
    Looker,
    Pair,
    Task,
    batched,
    describe,
    in_order,
    one_by_one,
)
from dataprep.captioners.endpoint import Asker, Server, read_key, read_server
from dataprep.captioners.families import ENDPOINT, Family, check_prompt
from dataprep.captioners.flight import in_flight
from dataprep.captioners.folder import CaptionModel, read_folder
from dataprep.captioners.loading import require_libraries
from dataprep.captioners.local import Captioner
from dataprep.captioners.parts import Generation
from dataprep.captioners.prompts import Template, parse
from dataprep.captioners.settings import Settings
from dataprep.captioners.spreading import Describer, batch_of, described
from dataprep.captioners.web import Web
from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.jobs import Job, Progress
from dataprep.originals import Originals
from dataprep.weights import find_captioner


@dataclass(frozen=True, slots=True)
class Source:
    """A captioner with all that is settled before a picture is looked at."""

    settings: Settings
    name: str
    family: Family
    template: Template
    generation: Generation
    max_pixels: int
    model: CaptionModel | None = None
    server: Server | None = None
    secret: str = field(default="", repr=False)
    """The server's key."""

    @property
    def key(self) -> str:
        """Under which texts are remembered: what writes, and all that changes what it writes.

        Where it runs is not in it, nor the batch: bits of rounding are no reason to run again.
        """
        facts = {
            "what": self.model.digest if self.model else asdict(self.server) if self.server else "",
            "template": self.template.text,
            "system": self.settings.system,
            "generation": asdict(self.generation),
            "max_pixels": self.max_pixels,
            "dtype": self.settings.dtype,
        }
        text = json.dumps(facts, sort_keys=True, ensure_ascii=False)
        return f"{self.name}@{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"


def find(dataset: Dataset, settings: Settings) -> Job[Source]:
    """The captioner that the settings name; it is not loaded yet. Raises ``DataprepError``."""
    text = _prompt(dataset, settings)
    parse(text)  # what is wrong with it is said before anything is fetched
    if settings.endpoint:
        server = read_server(settings.endpoint, settings.model)
        secret = read_key(settings.key_from)
        return _source(settings, settings.model, ENDPOINT, text, server=server, secret=secret)
    yield Progress(0, None, f"reading {settings.model}")
    model = read_folder((yield from find_captioner(settings.model, offline=settings.offline)))
    return _source(settings, model.name, model.family, text, model=model)


def _source(
    settings: Settings,
    name: str,
    family: Family,
    text: str,
    model: CaptionModel | None = None,
    server: Server | None = None,
    secret: str = "",
) -> Source:
    template = parse(text or family.prompt)
    check_prompt(family, template.text)
    if settings.system and family.name not in ("chat", "endpoint"):
        raise UsageError(f"system: {name} is no chat model", "say it in --prompt")
    return Source(
        settings,
        name,
        family,
        template,
        settings.generation(family),
        settings.max_pixels or family.max_pixels,
        model,
        server,
        secret,
    )


def _prompt(dataset: Dataset, settings: Settings) -> str:
    """The prompt as it was given; empty when it was not."""
    if not settings.prompt_file:
        return settings.prompt
    given = Path(settings.prompt_file).expanduser()
    path = next((p for p in (given, dataset.root / given) if p.is_file()), None)
    if path is None:
        raise UsageError(f"{given}: no such file", "it is looked for here and in the project")
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text at byte {error.start}") from None
    if not text:
        raise UsageError(f"{path}: is empty", "write the prompt into it")
    return text


def work(dataset: Dataset, source: Source, todo: Sequence[Task]) -> Job[Describing]:
    """Ask about each task; texts are in the store as soon as a progress counts them."""
    describing = Describing()
    if not todo:
        return describing
    originals = Originals(dataset.root, dataset.max_pixels)
    looker = Looker(originals, source.max_pixels, source.generation.seed)
    tasks = in_order(todo, source.max_pixels)
    if source.server is not None:
        asker, pairs = _from_server(source, source.server, looker, tasks)
        describing.device = source.server.host
        yield from describe(dataset.store, source.key, pairs, len(tasks), describing)
        describing.remarks += [asker.remark] if asker.remark else []
        return describing
    if source.settings.is_spread:
        yield Progress(0, len(tasks), f"loading {source.name}")
        pairs = _from_cluster(source, looker, tasks, describing)
        yield from describe(dataset.store, source.key, pairs, len(tasks), describing)
        # batches come back as they are done
        describing.issues.sort(key=lambda issue: issue.file)
        return describing
    captioner = yield from _opened(source, len(tasks))
    describing.device = captioner.device
    describing.remarks += [captioner.fallback] if captioner.fallback else []
    size = source.settings.batch_size or batch_of(source.family, captioner.device)
    pairs = batched(looker, tasks, captioner.write, captioner.stop, size)
    yield from describe(dataset.store, source.key, pairs, len(tasks), describing)
    if captioner.at_once < size:
        line = f"memory ran out with {size} pictures at once, so they went by {captioner.at_once}"
        describing.remarks.append(line)
    return describing


def _from_cluster(
    source: Source, looker: Looker, tasks: Sequence[Task], describing: Describing
) -> Generator[list[Pair] | None, None, None]:
    assert source.model is not None
    require_libraries()
    settings = source.settings
    describer = Describer(
        looker,
        source.model,
        source.generation,
        settings.system,
        settings.device,
        settings.dtype,
        settings.batch_size,
    )
    return described(settings, describer, tasks, describing)


def _from_server(
    source: Source, server: Server, looker: Looker, tasks: Sequence[Task]
) -> tuple[Asker, Generator[list[Pair] | None, None, None]]:
    settings = source.settings
    web = Web(server.url, source.secret, settings.timeout, settings.tries)
    asker = Asker(server, web, source.secret, source.generation, settings.system)
    return asker, one_by_one(looker, tasks, asker.write, web.close, settings.requests)


def _opened(source: Source, total: int) -> Job[Captioner]:
    """The network, loaded beside whoever drives this."""
    require_libraries()
    settings, model = source.settings, source.model
    assert model is not None

    def load(_: str) -> Captioner:
        return Captioner(model, source.generation, settings.system, settings.device, settings.dtype)

    yield Progress(0, total, f"loading {source.name}")
    for landed in in_flight([source.name], load, 1, lambda: None):
        if landed is not None:
            return landed[1]
        yield Progress(0, total, f"loading {source.name}")
    raise AssertionError("one item gives one result")
