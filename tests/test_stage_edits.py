"""The caption verbs on a real folder: one edit each, undone to the byte, and honest words."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from dataprep import concept
from dataprep.cli import main
from dataprep.dataset import Dataset
from dataprep.decisions import Decisions
from dataprep.errors import UsageError
from dataprep.jobs import finish
from dataprep.report import Report
from dataprep.settings import build
from dataprep.stages import STAGES
from dataprep.stages.scan import refresh
from dataprep.store import Scores, TaggerRow
from dataprep.vocabulary import Entry

Streams = pytest.CaptureFixture[str]

AS_IT_WAS = {
    "a": b"1girl, hat, smile\n",
    "b": "\ufeff1girl,  blue_eyes , hat\r\n".encode(),
    "c": b"a girl with a hat, smiling, by the sea\n",
    "d": b"zumi ||| hat, 1girl ||| night",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in AS_IT_WAS.items():
        Image.new("RGB", (64, 64), "#4466aa").save(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.txt").write_bytes(text)
    Image.new("RGB", (64, 64), "#aa6644").save(tmp_path / "bare.png")
    return tmp_path


def run(verb: str, root: Path, dry_run: bool = False, **values: Any) -> Report:
    model, function = STAGES[verb].load()
    with Dataset.open(root, dry_run=dry_run) as dataset:
        return finish(function(dataset, build(model, values, f"dataprep {verb}")))


def texts(root: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in root.glob("*.txt")}


def trigger_of(root: Path) -> str:
    with Dataset.open(root) as dataset:
        return concept.read(dataset.store).trigger


def test_the_trigger_is_set_changed_and_removed_everywhere(folder: Path) -> None:
    report = run("trigger", folder, word="zumi")
    assert texts(folder) == {
        "a": b"zumi, 1girl, hat, smile\n",
        "b": b"zumi, 1girl, blue_eyes, hat\n",
        "c": b"zumi, a girl with a hat, smiling, by the sea\n",
        "d": AS_IT_WAS["d"],
    }
    assert trigger_of(folder) == "zumi"
    assert report.lines == (
        "trigger word: 'zumi' first",
        "1 without a caption stay so",
        "3 captions change, 1 tag comes (3 times), 1 decision changes",
    )
    (folder / "b.txt").write_text("1girl, ZUMI, hat")
    (folder / "a.txt").write_text("zumi, 1girl, zumi on a hill")
    report = run("trigger", folder, word="kiki")
    assert texts(folder) == {
        "a": b"kiki, 1girl, zumi on a hill\n",
        "b": b"kiki, 1girl, hat\n",
        "c": b"kiki, a girl with a hat, smiling, by the sea\n",
        "d": b"kiki ||| hat, 1girl ||| night\n",
    }
    assert trigger_of(folder) == "kiki"
    said = "'zumi' also stands within other tags or sentences in 1 caption; it stays"
    assert [issue.reason for issue in report.issues] == [said]
    run("trigger", folder, remove=True)
    assert texts(folder)["d"] == b"||| hat, 1girl ||| night\n"
    assert texts(folder)["b"] == b"1girl, hat\n"
    assert trigger_of(folder) == ""
    with pytest.raises(UsageError, match="no trigger word"):
        run("trigger", folder, remove=True)


def test_the_same_trigger_again_changes_nothing(folder: Path) -> None:
    """kohya_ss adds its prefix at every run, with a space."""
    run("trigger", folder, word="zumi")
    once = texts(folder)
    again = run("trigger", folder, word="zumi")
    assert (again.done, again.changes, again.lines[-1]) == (0, (), "nothing to do")
    assert texts(folder) == once
    with Dataset.open(folder) as dataset:
        assert [edit.name for edit in dataset.history()] == ["trigger: 'zumi' first in 3 captions"]


def test_a_picture_without_a_caption_is_left_to_the_tagger(folder: Path) -> None:
    run("trigger", folder, word="zumi")
    assert "bare" not in texts(folder)
    run("add", folder, tags=("solo", "hat"))
    assert "bare" not in texts(folder)
    run("add", folder, tags=("solo", "hat"), uncaptioned=True)
    assert texts(folder)["bare"] == b"zumi, solo, hat\n"
    (folder / "bare.txt").unlink()
    run("trigger", folder, word="zumi", uncaptioned=True)
    assert texts(folder)["bare"] == b"zumi\n"


def test_a_filter_leaves_the_projects_trigger_as_it_is(folder: Path) -> None:
    run("trigger", folder, word="zumi")
    report = run("trigger", folder, word="kiki", where="name:a.png")
    assert texts(folder)["a"] == b"kiki, 1girl, hat, smile\n"
    assert texts(folder)["b"].startswith(b"zumi, ")
    assert trigger_of(folder) == report.facts["trigger"] == "zumi"
    assert "the project's trigger word stays 'zumi'" in report.issues[-1].reason


def test_rejected_pictures_have_the_trigger_too(folder: Path) -> None:
    run("verdict", folder, verdict="reject", names=("a.png",))
    run("trigger", folder, word="zumi")
    assert texts(folder)["a"].startswith(b"zumi, ")


def test_the_verbs_on_files(folder: Path) -> None:
    run("trigger", folder, word="zumi")
    assert run("replace", folder, old="*_eyes", new=r"\1 iris, eye").done == 1
    assert texts(folder)["b"] == b"zumi, 1girl, blue iris, eye, hat\n"
    run("add", folder, tags=("x", "y"), front=True, where="name:a.png OR name:d.png")
    assert texts(folder)["a"] == b"zumi, x, y, 1girl, hat, smile\n"
    assert texts(folder)["d"] == b"zumi ||| x, y, hat, 1girl ||| night\n"
    run("sort", folder, where="name:a.png")
    assert texts(folder)["a"] == b"zumi, 1girl, hat, smile, x, y\n"
    run("sort", folder, by="frequency", keep=3, where="name:b.png OR name:a.png")
    assert texts(folder)["a"] == b"zumi, 1girl, hat, smile, x, y\n"
    run("move", folder, tags="y, hat", to="end")
    assert texts(folder)["a"] == b"zumi, 1girl, smile, x, y, hat\n"
    assert texts(folder)["d"] == b"zumi ||| x, 1girl, y, hat ||| night\n"
    run("clean", folder, underscores=True)
    assert texts(folder)["b"] == b"zumi, 1girl, blue_iris, eye, hat\n"
    assert texts(folder)["c"] == b"zumi, a girl with a hat, smiling, by_the_sea\n"


def test_the_recipes_keep_tokens_stay(folder: Path) -> None:
    (folder / "dataprep.toml").write_text("[train]\nkeep_tokens = 2\n")
    run("sort", folder, where="name:c.png")
    assert texts(folder)["c"] == AS_IT_WAS["c"]
    run("add", folder, tags=("x",), front=True, where="name:a.png")
    assert texts(folder)["a"] == b"1girl, hat, x, smile\n"


def test_what_is_not_touched_keeps_its_very_bytes(folder: Path) -> None:
    run("replace", folder, old="smile", new="grin")
    run("move", folder, tags="night", to="front")
    run("add", folder, tags=("hat",), where="tag:hat")
    run("sort", folder, where="name:d.png", by="frequency")
    changed = {"a": b"1girl, hat, grin\n"}
    assert texts(folder) == {**AS_IT_WAS, **changed}


def test_clean_counts_wide_commas_and_drops_the_mark(folder: Path) -> None:
    (folder / "a.txt").write_text("一个女孩，帽子、微笑", encoding="utf-8")
    (folder / "c.txt").write_bytes("\ufeffhat, cat\r\n".encode())
    report = run("clean", folder)
    assert texts(folder) == {
        "a": "一个女孩, 帽子, 微笑\n".encode(),
        "b": b"1girl, blue eyes, hat\n",
        "c": b"hat, cat\n",
        "d": AS_IT_WAS["d"],
    }
    assert report.facts["wide_commas"] == 1
    assert report.lines[0].startswith("full-width commas separate now in 1 caption (")


def scored(folder: Path) -> None:
    """A tagger that ran here: hat is a character to it, and surer than 1girl."""
    vocabulary = [Entry("smile", "general"), Entry("1girl", "general"), Entry("hat", "character")]
    with Dataset.open(folder) as dataset:
        finish(refresh(dataset))
        dataset.store.put_tagger(TaggerRow("tiny@1", "tiny", "2026-01-01", {}), vocabulary)
        sha = {picture.name: picture.sha for picture in dataset.pictures()}["a.png"]
        ids, values = np.array([1, 2], np.uint32), np.array([0.5, 0.9], np.float16)
        dataset.store.put_scores("tiny@1", [(sha, Decisions().render_key, Scores(ids, values))])


def test_sorting_by_what_a_tagger_said(folder: Path) -> None:
    for by in ("category", "model", "score"):
        with pytest.raises(UsageError, match="no tagger has run"):
            run("sort", folder, by=by)
    (folder / "a.txt").write_text("mine, hat, 1girl, smile")
    Image.new("RGB", (64, 64), "red").save(folder / "c.png")
    scored(folder)
    run("sort", folder, by="model", where="name:a.png")
    assert texts(folder)["a"] == b"smile, 1girl, hat, mine\n"
    run("sort", folder, by="score", where="name:a.png")
    assert texts(folder)["a"] == b"hat, 1girl, smile, mine\n"
    run("sort", folder, by="category", where="name:a.png")
    assert texts(folder)["a"] == b"1girl, smile, hat, mine\n"
    report = run("sort", folder, by="score", where="name:c.png")
    assert (report.done, report.issues[-1].kind) == (0, "no scores")


def test_tags_that_nobody_has_are_remarked(folder: Path) -> None:
    report = run("replace", folder, old="smlie", new="grin")
    assert (report.done, report.exit_code) == (0, 0)
    said = "no caption has 'smlie'; did you mean 'smile'?"
    assert [issue.reason for issue in report.issues] == [said]
    assert run("move", folder, tags="re:x.*").issues[0].reason == "no caption has 're:x.*'"
    assert "'nix'" in run("add", folder, tags=("x",), after="nix").issues[0].reason


@pytest.mark.parametrize(
    ("verb", "values", "sentence"),
    [
        ("trigger", {}, "give the trigger word, or --remove"),
        ("trigger", {"word": "a, b"}, "must be one word or phrase"),
        ("trigger", {"word": "a，b"}, "must be one word or phrase"),
        ("replace", {"old": "zumi", "new": "x"}, "'zumi' is the trigger word"),
        ("replace", {"old": "a", "new": " ,"}, "takes tags out"),
        ("replace", {"old": "|||", "new": "x"}, "must name a tag"),
        ("replace", {"old": "x", "new": "a ||| b"}, "must not hold"),
        ("replace", {"old": "re:(", "new": "x"}, "missing .* at column 4"),
        ("replace", {"old": "* hair", "new": r"\2"}, "invalid group reference"),
        ("add", {"tags": ("Zumi",)}, "is the trigger word"),
        ("add", {"tags": ("x",), "before": "zumi"}, "stays first"),
        ("add", {"tags": ("x",), "front": True, "back": True}, "exclude each other"),
        ("move", {}, "give tags, --meaningless, or both"),
        ("move", {"tags": "zumi"}, "is the trigger word"),
        ("sort", {"tagger": "x"}, "is for --by model"),
        ("clean", {"underscores": True, "keep_underscores": True}, "exclude each other"),
        ("history", {"show": 99}, "no edit has the number 99"),
    ],
)
def test_wrong_usage_says_what_to_do(
    verb: str, values: dict[str, Any], sentence: str, folder: Path
) -> None:
    run("trigger", folder, word="zumi")
    with pytest.raises(UsageError, match=sentence):
        run(verb, folder, **values)


def test_undo_says_what_it_took_back_and_what_was_changed_since(folder: Path) -> None:
    run("add", folder, tags=("x",))
    (folder / "b.txt").write_text("by hand\n")
    for dry_run in (True, False):
        report = run("undo", folder, dry_run)
        assert [issue.file for issue in report.issues] == ["b.png"]
        assert (report.done, report.unchanged, report.exit_code) == (3, 1, 1)
        assert report.lines[0].startswith("taken back: add: x in 4 captions (made ")
        assert report.lines[1] == "3 captions change, 1 tag goes (3 times)"
    assert texts(folder) == {**AS_IT_WAS, "b": b"by hand\n"}


def test_history_counts_and_shows(folder: Path) -> None:
    run("trigger", folder, word="zumi")
    run("add", folder, tags=("x",))
    listed = run("history", folder)
    assert [line[33:] for line in listed.lines] == [
        "add: x in 4 captions  [4 captions]",
        "trigger: 'zumi' first in 3 captions  [3 captions, 1 decision]",
    ]
    shown = run("history", folder, show=2)
    assert (len(shown.changes), shown.facts["new"]) == (4, {"x": 4})
    assert shown.facts["changes"][0]["before"] == "zumi, 1girl, hat, smile\n"
    assert shown.lines[1] == "4 captions change, 1 tag comes (4 times)"


def test_commands_take_their_words_in_order(folder: Path, capsys: Streams) -> None:
    root = str(folder)
    assert main(["replace", root, "hat, cap", "red hat, felt", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["captions"], facts["gone"], facts["new"]) == (
        3,
        {"hat": 3},
        {"red hat": 3, "felt": 3},
    )
    assert main(["add", root, "x, y", "--after", "felt"]) == 0
    assert texts(folder)["a"] == b"1girl, red hat, felt, x, y, smile\n"
    assert main(["move", root, "felt", "--to", "front", "--dry-run"]) == 0
    assert "a.png:\n  ~ felt\n" in capsys.readouterr().out


PAGE = Path(__file__).parents[1] / "docs" / "captions.md"
ROWS = re.findall(
    r"^\| `dataprep (\w+) mychar(.*?)` \| (?:`([^`]+)` becomes )?`([^`]+)`",
    PAGE.read_text(encoding="utf-8"),
    re.MULTILINE,
)


@pytest.mark.parametrize(("verb", "rest", "before", "after"), ROWS)
def test_the_examples_of_the_page_are_true(
    verb: str, rest: str, before: str, after: str, tmp_path: Path
) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "x.png")
    (tmp_path / "x.txt").write_text(before or "a, b, c")
    if "--remove" in rest:
        run("trigger", tmp_path, word="zumi")
    assert main([verb, str(tmp_path), *shlex.split(rest)]) == 0
    assert (tmp_path / "x.txt").read_text().strip() == after


def test_the_page_has_examples() -> None:
    assert len(ROWS) >= 12


steps = st.one_of(
    st.tuples(st.just("trigger"), st.fixed_dictionaries({"word": st.sampled_from(["zumi", "x"])})),
    st.tuples(st.just("add"), st.just({"tags": ("y", "z"), "front": True})),
    st.tuples(st.just("replace"), st.just({"old": "1girl, h*", "new": "w, v"})),
    st.tuples(st.just("sort"), st.just({"by": "name"})),
    st.tuples(st.just("move"), st.just({"tags": "smile, hat", "to": "front"})),
    st.tuples(st.just("clean"), st.just({"lowercase": True, "underscores": True})),
)


@given(st.lists(steps, min_size=1, max_size=4))
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_undoing_everything_restores_every_byte(folder: Path, rows: list[Any]) -> None:
    for verb, values in rows:
        run(verb, folder, **values)
    with Dataset.open(folder) as dataset:
        while any(edit.state == "done" for edit in dataset.history()):
            assert dataset.undo()[1] == ()
    assert texts(folder) == AS_IT_WAS
    assert trigger_of(folder) == ""
