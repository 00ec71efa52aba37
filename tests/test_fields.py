"""Fields of settings, read once for flags and for forms."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field as About
from pydantic import ValidationError

from dataprep.fields import fields_of, listed
from dataprep.settings import Names, Selected, Settings, build
from dataprep.stages import STAGES
from train.config import TrainConfig
from tui import fields as form


class Sample(Selected):
    """One setting of each kind."""

    name: str = About(json_schema_extra={"positional": True})
    """The name. Over
    two lines."""
    fast: bool = False
    limit: Annotated[int, About(ge=1)] | None = None
    share: float = About(default=0.5, gt=0, le=1)
    mode: Literal["a", "b"] = "a"
    step: Literal[1, 2] = 1
    tags: Names = ("x", "y")
    off: tuple[Literal["red", "blue"], ...] = ()
    size: tuple[int, int] = (512, 768)
    out: Path | None = None
    either: int | str = 3
    set_: tuple[str, ...] = About(default=(), json_schema_extra={"repeat": True})


def test_kinds() -> None:
    fields = fields_of(Sample)
    assert {name: field.kind for name, field in fields.items()} == {
        "name": "text",
        "fast": "switch",
        "limit": "whole",
        "share": "number",
        "mode": "choice",
        "step": "choice",
        "tags": "list",
        "off": "list",
        "size": "list",
        "out": "path",
        "either": "text",
        "set_": "list",
        "where": "text",
        "caption_extension": "choice",
    }


def test_what_is_said_of_a_field() -> None:
    fields = fields_of(Sample)
    name, limit, share = fields["name"], fields["limit"], fields["share"]
    assert (name.required, name.place, name.words) == (True, "behind", "The name. Over two lines.")
    assert (limit.nullable, limit.least, limit.most) == (True, 1, None)
    assert (share.above, share.most, share.default) == (0, 1, 0.5)
    assert fields["off"].choices == ("red", "blue")
    assert fields["size"].part == "whole"
    assert (fields["set_"].flag, fields["set_"].metavar) == ("--set", "KEY=VALUE")
    assert (fields["mode"].metavar, fields["limit"].metavar) == ("a|b", "N")
    assert fields["where"].owner == "Selected"


def test_a_table_inside_the_settings_is_no_field_of_a_form() -> None:
    assert fields_of(TrainConfig)["concept"].kind == "table"
    assert "concept" not in {field.name for field in form.fields_of(TrainConfig, {})}


@pytest.mark.parametrize("verb", STAGES)
def test_a_form_says_what_the_recipe_says(verb: str) -> None:
    model, _run = STAGES[verb].load()
    fields = form.fields_of(model, {})
    raw = {field.name: field.start for field in fields}
    needed = {field.name for field in fields if field.about.required}
    values = form.values_of(fields, raw)
    assert needed.isdisjoint(values)
    try:
        usual = model()
    except ValidationError:
        return  # it must be told what to do
    # what nobody changed means what it meant
    assert build(model, values, "form") == usual


def test_a_filled_form() -> None:
    fields = form.fields_of(Sample, {"limit": 7, "tags": ("a", "b"), "mode": "b"})
    raw = {field.name: field.start for field in fields}
    assert (raw["limit"], raw["tags"], raw["mode"]) == ("7", "a, b", "b")
    raw |= {"name": "zumi", "limit": "", "step": "2", "size": "640", "off": "red,blue"}
    values = form.values_of(fields, raw)
    assert values["limit"] is None
    assert values["step"] == 2
    assert values["size"] == [640]
    settings = build(Sample, {**values, "size": [640, 512]}, "form")
    assert settings.off == ("red", "blue")


def test_settings_of_several_stages_stand_below_a_heading() -> None:
    groups = {field.name: field.group for field in form.fields_of(Sample, {})}
    assert groups["name"] == ""
    assert groups["where"] == "Which pictures"


def test_a_setting_is_found_by_its_name_and_then_by_its_help() -> None:
    fields = form.fields_of(STAGES["crop"].load()[0], {})
    assert [field.name for field in form.found(fields, "min size")] == ["min_size"]
    assert "trim" in {field.name for field in form.found(fields, "borders")}
    assert form.found(fields, "") == fields
    assert form.found(fields, "zzz") == []


def test_the_training_config_as_a_form() -> None:
    fields = form.fields_of(TrainConfig, {"resolution": (512, 768)})
    raw = {field.name: field.start for field in fields}
    assert raw["resolution"] == "512, 768"
    raw |= {"pretrained_model_name_or_path": "demo", "train_data_dir": "a", "output_dir": "b"}
    raw |= {"max_train_epochs": "3", "resolution": "640"}
    config = build(TrainConfig, form.values_of(fields, raw), "form")
    assert config.resolution == (640, 640)


def test_lists_are_separated_by_commas() -> None:
    assert listed(" a, ,b ,") == ("a", "b")


def test_unknown_settings_stay_an_error() -> None:
    class Plain(Settings):
        """One."""

        one: int = 1

    assert [field.owner for field in fields_of(Plain).values()] == ["Plain"]
