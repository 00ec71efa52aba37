"""Settings: flags over file over default, and every slip answered with a sentence."""

from pathlib import Path

import pytest
from pydantic import Field

from dataprep.cli.arguments import flags_of, parser_for
from dataprep.errors import DataprepError, UsageError
from dataprep.settings import Settings, for_stage
from dataprep.stages import STAGES, Stage


class Wanted(Settings):
    """A model with a field of every kind."""

    size: int = Field(default=512, ge=64)
    """The size."""
    ratio: float | None = None
    """The ratio, in %."""
    flip: bool = False
    """Whether to flip."""
    remove: tuple[str, ...] = ()
    """What goes."""
    folder: Path = Path("x")
    """Where to."""


def recipe(folder: Path, text: str) -> Path:
    (folder / "dataprep.toml").write_text(text, encoding="utf-8")
    return folder


def test_flag_over_file_over_default(tmp_path: Path) -> None:
    root = recipe(tmp_path, "[crop]\nsize = 256\nflip = true\n")
    assert for_stage(Wanted, "crop", root, {"size": "128"}) == Wanted(size=128, flip=True)
    assert for_stage(Wanted, "tag", root, {}) == Wanted()


def test_a_path_in_the_file_starts_at_the_project(tmp_path: Path) -> None:
    root = recipe(tmp_path, '[export]\nfolder = "lora"\n')
    assert for_stage(Wanted, "export", root, {}).folder == tmp_path / "lora"
    assert for_stage(Wanted, "export", root, {"folder": "here"}).folder == Path("here")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "[crop]\nsise = 1",
            "dataprep.toml [crop]: unknown setting 'sise'\n  did you mean 'size'?",
        ),
        ("[crop]\nsize = 1", "size: must be greater than or equal to 64 (got 1)"),
        ("[crop\nsize = 1", "dataprep.toml: "),
        ("size = 1", "'size' stands outside a table"),
    ],
)
def test_slips_in_the_file_are_named(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(DataprepError) as caught:
        for_stage(Wanted, "crop", recipe(tmp_path, text), {})
    assert sentence in str(caught.value)


def test_flags_are_made_from_the_model() -> None:
    parser = parser_for(Stage("crop", "cut"), Wanted)
    arguments = ["here", "--size", "64", "--flip", "--remove", "a, b b,,c", "--json"]
    namespace = parser.parse_args(arguments)
    assert flags_of(Wanted, namespace) == {
        "size": "64", "flip": True, "remove": ("a", "b b", "c"),
    }  # fmt: skip
    assert "The ratio, in %." in parser.format_help()
    with pytest.raises(UsageError, match="unrecognized arguments: --nope"):
        parser.parse_args(["here", "--nope"])


@pytest.mark.parametrize("verb", STAGES)
def test_every_stage_has_help_for_every_setting(verb: str) -> None:
    model, run = STAGES[verb].load()
    assert callable(run)
    undocumented = [name for name, field in model.model_fields.items() if not field.description]
    assert undocumented == []
    assert STAGES[verb].summary in parser_for(STAGES[verb], model).format_help()
