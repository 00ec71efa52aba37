"""The pages are what the settings say; commands, snippets and links in them hold."""

from __future__ import annotations

import re
import runpy
import shlex
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest

from dataprep.cli.arguments import parser_for
from dataprep.settings import build
from dataprep.stages import STAGES
from train.config import TrainConfig
from train.config.learning import SCHEDULES
from train.config.reading import check_keys, flatten
from train.networks import NETWORKS
from train.optim.kinds import KINDS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
OF_TRAINING = ("training", "bases", "networks")
NEEDED = {
    "pretrained_model_name_or_path": "base",
    "train_data_dir": "img",
    "output_dir": "model",
    "max_train_epochs": 1,
}


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def about(page: str) -> str:
    return text_of(DOCS / f"{page}.md")


@pytest.mark.parametrize("name", ["commands.md", "settings.md"])
def test_a_page_that_is_made_is_current(name: str) -> None:
    made: dict[str, Any] = runpy.run_path(str(DOCS / "make.py"))
    assert set(made["PAGES"]) == {"commands.md", "settings.md"}
    assert text_of(DOCS / name) == made["PAGES"][name]()


def test_the_page_of_settings_says_what_may_be_given() -> None:
    page = about("settings")
    for key in TrainConfig.model_fields:
        assert key in ("concept", "subsets") or page.count(f"\n| `{key}` |") + page.count(
            f"\n| **`{key}`** |"
        ), key
    for row in (
        "| `min_timestep` | whole number, 0 to 999 | 0 | Lowest timestep that is drawn. |",
        "| `loss_type` | `l2`, `l1`, `huber`, `smooth_l1` | `l2` |",
        "| `output_dir` | path | needed |",
        "| `huber_c` | number, above 0 | 0.1 |",
        "| `resolution` | list of whole numbers | [512, 512] |",
        "| **`mixed_precision`** | `no`, `bf16`, `fp16` | `no` |",
        "Choose among {a\\|b} in a caption",
    ):
        assert row in page


def commands() -> list[str]:
    """What the pages give to type, each once."""
    found: dict[str, None] = {}
    for page in PAGES:
        lines = re.findall(r"^ {4}dataprep (.+?)(?: +#.*)?$", text_of(page), re.MULTILINE)
        found |= dict.fromkeys(lines)
    return list(found)


@pytest.mark.parametrize("line", commands())
def test_the_commands_of_the_pages_parse(line: str) -> None:
    verb, *arguments = shlex.split(line)
    if verb == "tui":
        return
    stage = STAGES[verb]
    parser_for(stage, stage.load()[0]).parse_args(arguments)


@pytest.mark.parametrize("page", OF_TRAINING)
def test_what_is_shown_of_a_train_toml_is_one(page: str) -> None:
    shown = re.findall(r"```toml\n(.*?)```", about(page), re.DOTALL)
    shown += re.findall(r"^ {4}(\w+ = .+)$", about(page), re.MULTILINE)
    assert shown
    for text in shown:
        values = flatten(tomllib.loads(text), Path(page))
        check_keys(values, page)
        build(TrainConfig, {**NEEDED, **values}, page)


def keys_in(page: str) -> set[str]:
    """What stands before ``=`` in code, and alone in the first column of a table."""
    code = re.findall(r"`(\w+) = [^`]+`", about(page))
    cells = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", about(page), re.MULTILINE)
    return {*code, *re.findall(r"`(\w+)`", " ".join(cells))}


@pytest.mark.parametrize("page", OF_TRAINING)
def test_the_keys_that_are_explained_exist(page: str) -> None:
    found = keys_in(page) - set(NETWORKS)
    assert len(found) >= 4
    assert found - set(TrainConfig.model_fields) == set()


def test_every_optimizer_schedule_and_network_is_spoken_of() -> None:
    training, networks = about("training"), about("networks")
    assert [kind.name for kind in KINDS if f"`{kind.name}`" not in training] == []
    assert [name for name in get_args(SCHEDULES) if f"`{name}`" not in training] == []
    assert [name for name in NETWORKS if f"| `{name}` |" not in networks] == []


AS_KOHYA = {
    "data/epochs.py": "regularization pictures",
    "data/scanning.py": "bucket of a picture",
    "lora_file/options.py": "`weight_decay` that is not set",
    "networks/kinds.py": "`rank_dropout`",
    "networks/ranks.py": "`conv_alpha` that is not set",
    "optim/making.py": "Adafactor",
    "pictures/views.py": "place of the cut, for SDXL",
    "recipe.py": "a batch that is not full",
    "schedule.py": "warm-up",
    "shelf.py": "file of SD2",
    "text/rules.py": "captions over 75 tokens",
}
"""Each module that asks for it, and a row of the table that tells of it."""


def test_all_that_compat_kohya_changes_is_told() -> None:
    source = ROOT / "src" / "train"
    asking = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if "config.is_kohya" in text_of(path)
    }
    assert asking == set(AS_KOHYA)
    section = about("training").partition('## What compat = "kohya" does')[2].partition("\n## ")[0]
    for row in AS_KOHYA.values():
        assert f"\n| {row} |" in section


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    titles = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
