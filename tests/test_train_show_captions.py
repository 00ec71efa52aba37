"""What is shown of the captions is what the loop will see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny_base

from dataprep.errors import UsageError
from train import data, plan
from train.config import TrainConfig
from train.text import vary
from train.text.showing import show, shown


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base.shared(tmp_path_factory)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny_base.paint(tmp_path / "img" / "2_zumi")
    return tmp_path


def of(config: TrainConfig, steps: int) -> tuple[list[dict[str, Any]], data.Dataset, plan.Plan]:
    dataset = data.scan(config)
    the_plan = plan.of(config, dataset)
    return shown(config, dataset.items, the_plan, steps), dataset, the_plan


def test_rows_are_the_uses_of_the_steps_in_their_order(base: Path, root: Path) -> None:
    config = tiny_base.config(
        base,
        root,
        max_train_epochs=2,
        gradient_accumulation_steps=2,
        caption_tag_dropout_rate=0.2,
        token_warmup_step=0.5,
        caption_dropout_every_n_epochs=2,
    )
    rows, dataset, the_plan = of(config, 99)
    expected = []
    step = 0
    for epoch in (1, 2):
        batches = data.epoch(config, dataset.items, epoch)
        for number, batch in enumerate(batches):
            step += number % 2 == 0
            for use in batch:
                caption = vary(
                    use.item.caption,
                    use.item.rules,
                    config.seed,
                    epoch,
                    use.item.name,
                    use.repeat,
                    epoch=epoch,
                    step=step - 1,
                    total_steps=the_plan.steps,
                )
                expected.append((step, epoch, use.item.name, use.repeat, caption))
    found = [
        (row["step"], row["epoch"], row["picture"], row["repeat"], row["caption"]) for row in rows
    ]
    assert found == expected
    assert len(rows) == 2 * 6 * 2
    assert rows[-1]["step"] == the_plan.steps
    assert {row["caption"] for row in rows if row["epoch"] == 2} == {""}
    assert all(row["caption"].startswith("zumi") for row in rows if row["epoch"] == 1)
    assert [row for row in rows if row["step"] <= 2] == of(config, 2)[0]


def test_a_run_of_few_steps_shows_no_more(base: Path, root: Path) -> None:
    config = tiny_base.config(base, root, max_train_epochs=None, max_train_steps=3)
    assert {row["step"] for row in of(config, 9)[0]} == {1, 2, 3}


def test_tokens_are_counted_and_what_is_cut_is_named(base: Path, root: Path) -> None:
    caption = "zumi, " + "red hair, " * 30 + "blue circle"
    for file in (root / "img" / "2_zumi").glob("*.txt"):
        file.write_text(caption + "\n")
    result = show(tiny_base.config(base, root, shuffle_caption=False, max_token_length=75), 1)
    assert result["remarks"] == []
    row = result["captions"][0]
    assert row["caption"] == caption
    assert (row["tokens"], row["chunks"], row["cut"]) == (94, 1, 19)
    assert row["cut_tags"] == [*["red hair"] * 6, "blue circle"]
    longer = show(tiny_base.config(base, root, shuffle_caption=False), 1)["captions"][0]
    assert (longer["chunks"], longer["cut"], longer["cut_tags"]) == (2, 0, [])


def test_without_a_tokenizer_captions_are_shown_all_the_same(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_HUB_CACHE", "XDG_DATA_HOME", "HOME"):
        monkeypatch.setenv(name, str(root / "nothing"))
    monkeypatch.delenv("DATAPREP_MODELS", raising=False)
    config = tiny_base.config(root / "model.safetensors", root)
    result = show(config, 1)
    assert result["captions"][0]["caption"].startswith("zumi")
    assert {result["captions"][0][key] for key in ("tokens", "chunks", "cut", "cut_tags")} == {None}
    assert "vocab.json" in result["remarks"][-1]


def test_a_tokenizer_that_is_none_is_refused(base: Path, root: Path) -> None:
    with pytest.raises(UsageError, match=r"tokenizer = .*: vocab\.json is not there"):
        show(tiny_base.config(base, root, tokenizer=root), 1)
    counted = show(tiny_base.config(base, root, tokenizer=base / "tokenizer"), 1)
    # zumi, a colour, circle, background, and three commas
    assert counted["captions"][0]["tokens"] == 7
