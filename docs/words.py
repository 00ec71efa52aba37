"""Bring the interface's catalogues up to date: ``python docs/words.py``.

Texts of the screens are found in the sources; the words of the stages and of their settings, which
the forms show, in their tables. What is new gets an empty translation, and is listed; what is no
longer used falls out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from dataprep.check.kinds import KINDS
from dataprep.settings import Settings
from dataprep.stages import STAGES
from dataprep.tagquery.completion import JOINERS, MEANINGS
from dataprep.tagquery.terms import FLAGS, NUMBERS
from dataprep.vocabulary import CATEGORIES
from train.config import TrainConfig

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "src" / "tui"
LOCALES = SOURCES / "locale"
KEYWORDS = {"_": None, "N_": None, "n_": (1, 2)}
WIDTH = 98
HEAD = """\
msgid ""
msgstr ""
"Project-Id-Version: lora-dataprep\\n"
"Language: {code}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plural}\\n"

"""


def texts() -> Catalog:
    """Every text that the interface may show."""
    catalogue = Catalog()
    found = extract_from_dir(SOURCES, [("**.py", "python")], keywords=KEYWORDS)
    for file, line, message, _comments, _context in found:
        if message:
            catalogue.add(message, locations=[(f"src/tui/{file}", line)])
    for message in {*of_stages(), *of_tables()}:
        catalogue.add(message)
    return catalogue


def of_tables() -> Iterator[str]:
    """What the screens show of the tables of findings, filters and tags."""
    for kind in KINDS.values():
        yield kind.why
        if not kind.fix.startswith("dataprep "):
            yield kind.fix
    for table in (MEANINGS, JOINERS, FLAGS, NUMBERS):
        yield from table.values()
    yield from CATEGORIES


def of_stages() -> Iterator[str]:
    """What forms and rooms show of stages: their summaries, names and helps of settings."""
    models: list[type[Settings]] = [TrainConfig]
    for stage in STAGES.values():
        yield stage.summary
        models.append(stage.load()[0])
    for model in models:
        for name, field in model.model_fields.items():
            yield name.replace("_", " ").strip()
            if field.description:
                yield " ".join(field.description.split())


def updated(path: Path) -> Catalog:
    """The catalogue in a file with the texts of now."""
    with path.open("rb") as stream:
        known = read_po(stream, locale=path.parts[-3])
    known.update(texts(), no_fuzzy_matching=True)
    known.obsolete.clear()
    return known


def untranslated(catalogue: Catalog) -> list[str]:
    """Texts without a translation."""
    return [
        str(message.id) for message in catalogue if message.id and not all(_forms(message.string))
    ]


def _forms(string: object) -> tuple[str, ...]:
    return tuple(string) if isinstance(string, (tuple, list)) else (str(string or ""),)


def written(path: Path) -> bytes:
    """What the file of a catalogue holds when it is up to date."""
    catalogue = updated(path)
    stream = BytesIO()
    # no dates, no line numbers: a catalogue changes when its texts do
    stream.write(HEAD.format(code=path.parts[-3], plural=catalogue.plural_forms).encode())
    write_po(stream, catalogue, width=WIDTH, omit_header=True, no_location=True, sort_output=True)
    return stream.getvalue()


def main() -> int:
    """Update every catalogue; 1 when something is not translated yet."""
    missing = 0
    for path in sorted(LOCALES.glob("*/LC_MESSAGES/*.po")):
        path.write_bytes(written(path))
        lacking = untranslated(updated(path))
        missing += len(lacking)
        print(f"{path.relative_to(ROOT)}: {len(lacking)} texts are not translated")
        for text in lacking:
            print(f"  {text}")
    return int(missing > 0)


if __name__ == "__main__":
    sys.exit(main())
