"""`caption` on real files: prompts with tags, nothing asked twice, captions by hand kept."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from dataprep.captioners import source
from dataprep.captioners.describing import Looker, Task
from dataprep.captioners.folder import read_folder
from dataprep.captioners.local import Captioner
from dataprep.captioners.parts import Ask, Generation
from dataprep.cli.arguments import flags_of, parser_for
from dataprep.dataset import Dataset
from dataprep.decisions import Crop, Decisions, encode_crop
from dataprep.errors import DataprepError, UsageError
from dataprep.jobs import finish
from dataprep.report import Report
from dataprep.settings import build
from dataprep.stages import STAGES
from dataprep.stages.caption import Settings, run
from dataprep.stages.prune import Settings as Prune
from dataprep.stages.prune import run as prune
from tests.test_captioners import painted
from tests.tiny_captioners import shared

ROOT = Path(__file__).parents[1]
SHORT = 12
"""Tokens of most captions here: what counts is which are written."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    painted(1).save(folder / "a.png")
    painted(2, (90, 40)).save(folder / "b.jpg", quality=95)
    painted(3, (120, 100)).save(folder / "c.png")
    half = painted(4).convert("RGBA")
    half.putalpha(Image.linear_gradient("L").resize(half.size))
    half.save(folder / "d.png")
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    return lambda name: shared(tmp_path_factory, name)


@pytest.fixture
def model(tiny: Callable[[str], Path]) -> Path:
    return tiny("qwen")


def caption(folder: Path, model: Path, dry_run: bool = False, **values: Any) -> Report:
    with Dataset.open(folder, dry_run=dry_run) as dataset:
        return finish(run(dataset, settings(model, **values)))


def settings(model: Path, **values: Any) -> Settings:
    given = {"model": str(model), "max_new_tokens": SHORT, "device": "cpu", **values}
    return build(Settings, given, "test")


def captions(folder: Path, extension: str = ".txt") -> dict[str, str]:
    found = sorted(folder.glob(f"*{extension}"))
    return {path.stem: path.read_text(encoding="utf-8") for path in found}


def asked(report: Report) -> int:
    return int(report.facts["asked"])


@pytest.fixture
def prompts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What captioners are asked, in order; they answer all the same."""
    seen: list[str] = []
    write = Captioner.write

    def noted(self: Captioner, asks: list[Ask]) -> Any:
        seen.extend(ask.prompt for ask in asks)
        return write(self, asks)

    monkeypatch.setattr(Captioner, "write", noted)
    return seen


@pytest.mark.parametrize("name", ["blip", "blip2", "florence", "qwen", "llava", "joy"])
def test_captions_are_the_models_to_the_letter(
    name: str, folder: Path, tiny: Callable[[str], Path]
) -> None:
    report = caption(folder, tiny(name), max_new_tokens=40)
    found = read_folder(tiny(name))
    family = found.family
    penalty = family.repetition_penalty
    generation = Generation(40, family.beams, repetition_penalty=penalty)
    alone = Captioner(found, generation, device="cpu")
    # one by one, as the export would show them
    for path in sorted(folder.glob("[a-d].*[!t]")):
        with Dataset.open(folder) as dataset:
            picture = next(p for p in dataset.pictures() if p.name == path.name)
            looker = Looker(dataset, family.max_pixels, 0)
            one = looker.ask(Task(picture, Decisions(), family.prompt))
        assert isinstance(one, Ask)
        answer = alone.write([one])[0]
        assert captions(folder)[path.stem] == answer.text + "\n"
    assert max(len(text.split()) for text in captions(folder).values()) > 20
    assert (report.done, report.unchanged, report.exit_code) == (4, 0, 0)
    assert report.facts["family"] == family.name
    assert report.facts["device"] == "cpu, float32"
    words = sum(len(text.split()) for text in captions(folder).values()) / 4
    first = f"captioned 4 pictures with {name} (cpu, float32): {words:.1f} words each"
    assert report.lines[0] == first
    cut = sum(issue.kind == "cut" for issue in report.issues)
    assert report.facts["cut"] == cut
    assert (f"{cut} were cut at 40 tokens" in "\n".join(report.lines)) == bool(cut)


def test_the_reason_for_the_cpu_is_said(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    report = caption(folder, model, device="auto")
    assert report.lines[1].startswith("on the CPU: ")
    assert report.facts["remarks"] == [report.lines[1]]


def test_nothing_is_asked_twice(folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "b.txt").write_text("mine, alone\n")
    first = caption(folder, model)
    assert (asked(first), first.done, first.facts["kept"]) == (3, 3, 1)
    before = captions(folder)
    assert before["b"] == "mine, alone\n"

    def refuse(*_: object) -> None:
        raise AssertionError("the network was loaded")

    monkeypatch.setattr(source, "Captioner", refuse)
    again = caption(folder, model)
    assert (asked(again), again.done, again.unchanged) == (0, 0, 4)
    assert captions(folder) == before
    for stem in "acd":
        (folder / f"{stem}.txt").unlink()
    back = caption(folder, model)
    assert (asked(back), back.facts["cached"], back.done) == (0, 3, 3)
    assert back.lines[0].startswith("captioned 3 pictures with qwen (texts remembered)")
    assert captions(folder) == before
    with pytest.raises(AssertionError, match="the network was loaded"):
        caption(folder, model, overwrite=True, redo=True)
    with pytest.raises(AssertionError, match="the network was loaded"):
        caption(folder, model, overwrite=True, max_new_tokens=SHORT + 1)


def test_redo_asks_again_and_finds_the_same(folder: Path, model: Path) -> None:
    caption(folder, model)
    before = captions(folder)
    again = caption(folder, model, overwrite=True, redo=True)
    assert (asked(again), again.done) == (4, 0)
    assert captions(folder) == before


def test_batches_do_not_matter(folder: Path, model: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    chance = {"nucleus": True, "temperature": 1.5}
    caption(folder, model, batch_size=1, **chance)
    caption(other, model, batch_size=4, **chance)
    assert captions(folder) == captions(other)
    caption(other, model, overwrite=True, seed=1, **chance)
    assert captions(folder) != captions(other)


def test_prompts_have_the_pictures_tags(
    folder: Path, model: Path, prompts: list[str], tmp_path: Path
) -> None:
    (folder / "a.txt").write_text("zumi ||| red hair, hat\n")
    template = tmp_path / "prompt.txt"
    template.write_text("\ufeffcaption {name} with tags : {tags}\n", encoding="utf-8")
    report = caption(folder, model, prompt_file=str(template), caption_extension=".caption")
    assert sorted(prompts) == [
        "caption a with tags : zumi, red hair, hat",
        "caption b with tags :",
        "caption c with tags :",
        "caption d with tags :",
    ]
    assert set(captions(folder, ".caption")) == set("abcd")
    assert captions(folder) == {"a": "zumi ||| red hair, hat\n"}
    assert report.facts["without_tags"] == 3
    assert (
        '3 pictures have no tags, so their prompt reads "caption {name} with tags :"'
        in (report.lines[-1])
    )
    # other tags are another question
    (folder / "a.txt").write_text("zumi, blue hat\n")
    values = {"prompt_file": str(template), "caption_extension": ".caption", "overwrite": True}
    assert asked(caption(folder, model, **values)) == 1
    assert prompts[-1] == "caption a with tags : zumi, blue hat"


@pytest.mark.parametrize("mode", ["overwrite", "append", "prepend"])
def test_what_it_wrote_is_no_tag_of_the_next_prompt(
    mode: str, folder: Path, model: Path, prompts: list[str]
) -> None:
    for stem in "abcd":
        (folder / f"{stem}.txt").write_text("red hair, hat\n")
    values = {mode: True, "prompt": "tags : {tags}", "touch_edited": True}
    caption(folder, model, **values)
    before = captions(folder)
    assert all(("red hair, hat" in text) == (mode != "overwrite") for text in before.values())
    again = caption(folder, model, **values)
    assert (asked(again), again.done) == (0, 0)
    assert captions(folder) == before
    assert set(prompts) == {"tags : red hair, hat"}
    caption(folder, model, redo=True, **values)
    assert set(prompts[4:]) == {"tags : red hair, hat" if mode != "overwrite" else "tags :"}


def test_the_trigger_stands_first_and_in_the_prompt(
    folder: Path, model: Path, prompts: list[str]
) -> None:
    with Dataset.open(folder) as dataset:
        finish(prune(dataset, build(Prune, {"trigger": "zumi"}, "test")))
    caption(folder, model, prompt="describe {trigger}", overwrite=True)
    assert set(prompts) == {"describe zumi"}
    assert all(text.startswith("zumi, ") for text in captions(folder).values())
    again = caption(folder, model, prompt="describe {trigger}", overwrite=True)
    assert (again.done, asked(again)) == (0, 0)


def test_captions_by_hand_stay(folder: Path, model: Path) -> None:
    caption(folder, model)
    ours = captions(folder)
    (folder / "a.txt").write_text("by hand\n")
    report = caption(folder, model, overwrite=True, max_new_tokens=SHORT + 4)
    assert (report.facts["protected"], asked(report)) == (1, 3)
    assert captions(folder)["a"] == "by hand\n"
    assert "1 were written by hand and stay (--touch-edited)" in report.lines[0]
    with Dataset.open(folder) as dataset:
        dataset.undo()
    assert captions(folder) == {**ours, "a": "by hand\n"}
    caption(folder, model, overwrite=True, touch_edited=True)
    assert captions(folder) == ours


def test_the_captioner_sees_the_render(folder: Path, model: Path) -> None:
    caption(folder, model)
    before = captions(folder)
    with Dataset.open(folder) as dataset:
        crop = encode_crop(Crop((0, 0, 30, 40), 64, 64))
        dataset.edit("cut", [dataset.decision_change("a.png", "crop", crop)])
        dataset.edit("out", [dataset.decision_change("c.png", "verdict", '"reject"')])
    report = caption(folder, model, overwrite=True)
    assert asked(report) == 1
    assert captions(folder)["a"] != before["a"]
    assert captions(folder)["c"] == before["c"]
    assert caption(folder, model, where="name:b.jpg", overwrite=True, redo=True).facts["asked"] == 1


def test_a_dry_run_writes_no_caption_and_is_not_lost(folder: Path, model: Path) -> None:
    report = caption(folder, model, dry_run=True)
    assert captions(folder) == {}
    assert report.lines[0].startswith("would caption 4 pictures")
    assert {change.name for change in report.changes} == {"a.png", "b.jpg", "c.png", "d.png"}
    assert asked(caption(folder, model)) == 0
    assert len(captions(folder)) == 4


def test_a_bad_picture_and_a_bad_caption_stop_nothing(folder: Path, model: Path) -> None:
    whole = (folder / "b.jpg").read_bytes()
    (folder / "b.jpg").write_bytes(whole[: len(whole) // 2])
    # OneTrainer reads this in the locale's encoding, takes the error for no caption, and writes
    (folder / "c.txt").write_bytes("caf\xe9".encode("latin-1"))
    report = caption(folder, model, overwrite=True, touch_edited=True)
    assert {issue.file for issue in report.issues if issue.fatal} == {"b.jpg", "c.png"}
    assert report.exit_code == 1
    assert "2 skipped" in report.lines[0]
    assert (folder / "c.txt").read_bytes() == b"caf\xe9"
    assert set(captions(folder.parent)) == set()
    assert (folder / "a.txt").is_file()


def test_a_picture_that_breaks_after_the_scan_is_reported(folder: Path, model: Path) -> None:
    with Dataset.open(folder) as dataset:
        job = run(dataset, settings(model, batch_size=1))
        for progress in job:
            if progress.note.startswith("loading"):
                (folder / "b.jpg").unlink()
                break
        report = finish(job)
    assert [(i.file, i.reason) for i in report.issues if i.fatal] == [("b.jpg", "the file is gone")]
    assert report.done == 3


def test_the_old_caption_stays_until_the_new_one_is_whole(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ai-toolkit removes the file first; whatever fails after that has lost the caption."""
    for stem in "abcd":
        (folder / f"{stem}.txt").write_text("old\n")
    values = {"overwrite": True, "touch_edited": True}

    def broken(*_: object) -> None:
        raise DataprepError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Captioner, "write", broken)
        with pytest.raises(DataprepError, match="the disk is full"):
            caption(folder, model, **values)
    assert set(captions(folder).values()) == {"old\n"}
    caption(folder, model, **values)
    assert "old\n" not in captions(folder).values()


def test_closing_ends_the_threads_and_the_rest_is_asked_later(folder: Path, model: Path) -> None:
    for number in range(8):
        painted(10 + number).save(folder / f"{number}.png")
    before = set(threading.enumerate())
    with Dataset.open(folder) as dataset:
        job = run(dataset, settings(model, max_new_tokens=200, batch_size=2))
        progress = next(p for p in job if p.done and "img_per_s" in p.facts)
        job.close()
    assert set(threading.enumerate()) <= before
    assert captions(folder) == {}
    report = caption(folder, model, max_new_tokens=200)
    assert report.facts["cached"] >= progress.done
    assert asked(report) == 12 - report.facts["cached"]
    assert len(captions(folder)) == 12


def test_equal_files_are_asked_about_once(folder: Path, model: Path) -> None:
    (folder / "e.png").write_bytes((folder / "a.png").read_bytes())
    report = caption(folder, model)
    assert (asked(report), report.done) == (4, 5)
    assert captions(folder)["e"] == captions(folder)["a"]


def test_an_empty_answer_writes_nothing(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.txt").write_text("old\n")
    monkeypatch.setattr("dataprep.captioners.local.answered", lambda *_: answered_nothing())
    report = caption(folder, model, overwrite=True, touch_edited=True)
    assert captions(folder) == {"a": "old\n"}
    assert {issue.reason for issue in report.issues} == {"no caption: the model said nothing"}
    assert report.exit_code == 1


def answered_nothing() -> Any:
    from dataprep.captioners.parts import answered

    return answered(" \n", False)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"prompt": "{x}"}, r"unknown placeholder \{x\}"),
        ({"prompt": "a", "prompt_file": "b"}, "exclude each other"),
        ({"prompt_file": "nonesuch.txt"}, "no such file"),
        ({"top_p": 0.5}, "top_p goes with nucleus"),
        ({"nucleus": True, "beams": 2}, "does not go with beams"),
        ({"requests": 9}, "requests goes with an endpoint"),
        ({"min_length": 99}, "min_length is more"),
        ({"append": True, "overwrite": True}, "exclude each other"),
        ({"endpoint": "http://x/v1", "beams": 2}, "beams is for models that run here"),
        ({"model": "nonesuch"}, "neither a folder nor a known name"),
        ({"dtype": "float64"}, "dtype: must be"),
    ],
)
def test_wrong_settings_are_said(
    values: dict[str, Any], sentence: str, folder: Path, model: Path
) -> None:
    with pytest.raises(UsageError, match=sentence):
        caption(folder, Path(values.pop("model", model)), **values)
    assert captions(folder) == {}


def test_a_system_prompt_is_for_chats(folder: Path, tiny: Callable[[str], Path]) -> None:
    with pytest.raises(UsageError, match="blip is no chat model"):
        caption(folder, tiny("blip"), system="You are kind.")


def test_the_command_speaks_json_and_loads_nothing_without_need(folder: Path, model: Path) -> None:
    caption(folder, model)
    code = (
        "import sys; from dataprep.cli import main; code = main(sys.argv[1:]); "
        "print({'torch', 'transformers'} & set(sys.modules), code, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "caption", str(folder), "--model", str(model)]
    result = subprocess.run(
        [*command, "--max-new-tokens", str(SHORT), "--overwrite", "--json"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    said = json.loads(result.stdout)
    assert (said["stage"], said["asked"], said["cached"], said["done"]) == ("caption", 0, 4, 0)
    assert result.stderr.splitlines()[-1] == "set() 0"


def page_commands() -> list[str]:
    text = (ROOT / "docs" / "captioning.md").read_text(encoding="utf-8")
    return re.findall(r"^ {4}dataprep (caption .+)$", text, re.MULTILINE)


@pytest.mark.parametrize("line", page_commands())
def test_the_commands_of_the_page_are_right(line: str) -> None:
    verb, *arguments = shlex.split(line)
    parser = parser_for(STAGES[verb], Settings)
    flags = flags_of(Settings, parser.parse_args(arguments))
    assert build(Settings, flags, "page").model
