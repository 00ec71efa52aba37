"""CLIP tokens: counted as the text encoder's own tokenizer does, and never over the truth."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep import tokens
from dataprep.weights import sample_data

BASE = sample_data() / "models" / "demo-base"
CAPTIONS = (
    "zumi, 1girl, solo, green hair, twintails, smile",
    "A photo of Zumi's dog,   sitting\nin the snow; it isn't cold!",
    "夏の海, ñandú, Äpfel, e\u0301clair, 1234, ^_^, (o)_(o)",
    "",
    "  ,, ,",
    "we'll they'd i'm 👍🏽",
)


@pytest.fixture(autouse=True)
def _nothing_on_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATAPREP_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


def test_tokens_are_counted_as_transformers_counts_them() -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.CLIPTokenizer.from_pretrained(BASE / "tokenizer")
    ours = tokens.counter(["demo"])
    assert ours.source == BASE / "tokenizer"
    for caption in CAPTIONS:
        assert ours.count(caption) == len(theirs(caption, add_special_tokens=False).input_ids)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_without_a_tokenizer_the_count_is_a_lower_bound(caption: str) -> None:
    exact, least = tokens.counter(["demo"]), tokens.pieces_only()
    assert least.count(caption) <= exact.count(caption)


def test_words_digits_and_marks_are_the_pieces_that_are_counted() -> None:
    least = tokens.counter()
    assert least.source is None
    assert least.count("zumi, 1girl") == 4
    assert least.count("don't") == 2, "don + 't"
    assert least.count("year 2024") == 5
    assert least.says(4) == "at least 4 tokens"
    assert tokens.counter(["demo"]).says(4) == "4 tokens"


def test_a_tokenizer_is_found_in_the_base_then_among_our_models_then_in_the_hub_cache(
    tmp_path: Path,
) -> None:
    revision = tmp_path / "hub" / "models--openai--clip-vit-large-patch14"
    (revision / "refs").mkdir(parents=True)
    (revision / "refs" / "main").write_text("abc")
    shutil.copytree(BASE / "tokenizer", revision / "snapshots" / "abc")
    assert tokens.counter().source == revision / "snapshots" / "abc"
    own = tmp_path / "models" / "clip-tokenizer"
    shutil.copytree(BASE / "tokenizer", own)
    assert tokens.counter(["runwayml/stable-diffusion-v1-5", "/gone"]).source == own
    assert tokens.counter(["demo"]).source == BASE / "tokenizer"


def test_a_tokenizer_json_is_read_as_well(tmp_path: Path) -> None:
    whole = tmp_path / "base" / "tokenizer"
    whole.mkdir(parents=True)
    exact = tokens.counter(["demo"])
    exact.tokenizer.save(str(whole / "tokenizer.json"))
    again = tokens.counter([str(tmp_path / "base")])
    assert again.source == whole
    assert [again.count(text) for text in CAPTIONS] == [exact.count(text) for text in CAPTIONS]


@pytest.mark.parametrize(
    ("vocabulary", "merges"), [("{", ""), ("[1]", ""), ('{"a": 1}', "a b\n"), ('{"a": 1}', "a\n")]
)
def test_a_damaged_tokenizer_is_passed_over(tmp_path: Path, vocabulary: str, merges: str) -> None:
    folder = tmp_path / "models" / "clip-tokenizer"
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(vocabulary)
    (folder / "merges.txt").write_text(merges)
    assert tokens.counter().source is None


def test_budgets_are_one_to_three_times_75() -> None:
    wanted = {0: 75, 75: 75, 76: 150, 150: 150, 151: 225, 225: 225, 226: None}
    assert {count: tokens.budget_for(count) for count in wanted} == wanted
