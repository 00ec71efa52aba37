"""Captions vary as functions of what they are for; encodings do not depend on the layout."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import tiny_base
import torch
from hypothesis import given
from hypothesis import strategies as st

from train import models, text
from train.seeds import shuffled, stable_seed, uniform

TAGS = st.lists(st.text("abc xyz", min_size=1).map(str.strip).filter(bool), unique=True)
SEEDS = st.integers(0, 2**32)


@given(TAGS, SEEDS, st.integers(0, 4))
def test_shuffling_keeps_every_tag_and_the_first_in_place(
    tags: list[str], seed: int, keep: int
) -> None:
    varied = text.vary(", ".join(tags), seed, 1, "a.png", shuffle=True, keep_tokens=keep)
    found = varied.split(", ") if varied else []
    assert sorted(found) == sorted(tags)
    assert found[:keep] == tags[:keep]


@given(TAGS, SEEDS, st.floats(0, 1))
def test_dropped_tags_leave_the_others_in_order(tags: list[str], seed: int, rate: float) -> None:
    varied = text.vary(", ".join(tags), seed, 1, "a.png", tag_dropout=rate, keep_tokens=1)
    found = varied.split(", ") if varied else []
    assert found[:1] == tags[:1]
    assert found == [tag for tag in tags if tag in found]


@given(TAGS, SEEDS, st.integers(0, 9), st.text())
def test_a_caption_is_a_function_of_its_keys(
    tags: list[str], seed: int, epoch: int, name: str
) -> None:
    def once() -> str:
        return text.vary(
            ", ".join(tags), seed, epoch, name, shuffle=True, tag_dropout=0.5, dropout=0.2
        )

    assert once() == once()


@given(st.text(), SEEDS)
def test_a_caption_stays_as_written_when_nothing_is_asked(caption: str, seed: int) -> None:
    assert text.vary(caption, seed, 1, "a.png", keep_tokens=1) == caption
    assert text.vary(caption, seed, 1, "a.png", dropout=1.0) == ""


@given(TAGS, TAGS, TAGS, SEEDS)
def test_a_separator_keeps_what_stands_before_the_first_and_behind_the_second(
    first: list[str], middle: list[str], last: list[str], seed: int
) -> None:
    caption = f"{', '.join(first)} ||| {', '.join(middle)} ||| {', '.join(last)}"
    varied = text.vary(caption, seed, 1, "a.png", shuffle=True, separator="|||", keep_tokens=9)
    found = varied.split(", ") if varied else []
    assert found[: len(first)] == first
    assert found[len(found) - len(last) :] == last
    assert sorted(found) == sorted([*first, *middle, *last])


def test_a_separator_is_never_trained_on() -> None:
    assert text.vary("zumi ||| a, b", 0, 1, "a.png", separator="|||") == "zumi, a, b"
    assert text.vary("zumi, a", 0, 1, "a.png", separator="|||") == "zumi, a"
    assert text.vary("zumi ||| a", 0, 1, "a.png") == "zumi ||| a"


def test_uses_differ_and_rates_are_met() -> None:
    caption = "zumi, a, b, c, d, e, f"
    uses = {text.vary(caption, 0, epoch, "a.png", shuffle=True) for epoch in range(50)}
    assert len(uses) > 40
    empty = sum(text.vary(caption, 0, n, "a.png", dropout=0.1) == "" for n in range(2000))
    assert 150 < empty < 250


def test_draws_are_the_same_everywhere() -> None:
    assert stable_seed(42, "noise", 3, "a.png") == 2858689979960622272
    assert stable_seed(42, "noise", "3", "a.png") != stable_seed(42, "noise", 3, "a.png")
    assert 0 <= uniform(1, "x") < 1
    assert shuffled("abcdef", 0, "order") == shuffled("abcdef", 0, "order")
    assert sorted(shuffled("abcdef", 0, "order")) == list("abcdef")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> models.Base:
    return models.load(str(tiny_base.shared(tmp_path_factory)), torch.device("cpu"))


def test_tokens_are_77_with_ends_and_padding(base: models.Base) -> None:
    ids = text.tokenize(base.tokenizer, ["zumi", "thing " * 100])
    begin, end = base.tokenizer.bos_token_id, base.tokenizer.eos_token_id
    assert ids.shape == (2, 77)
    assert ids[0, 0] == begin
    assert ids[0, 2:].eq(end).all()
    assert ids[1, -1] == end
    assert text.token_count(base.tokenizer, "thing " * 100) == 100


def test_clip_skip_takes_an_earlier_layer_through_the_final_norm(base: models.Base) -> None:
    ids = text.tokenize(base.tokenizer, ["zumi, red circle"])
    out = base.text_encoder(ids, output_hidden_states=True)
    assert torch.equal(text.encode(base.text_encoder, ids, 1), out.last_hidden_state)
    skipped = base.text_encoder.final_layer_norm(out.hidden_states[-2])
    assert torch.equal(text.encode(base.text_encoder, ids, 2), skipped)


def test_both_layouts_of_the_text_encoder_encode_alike(base: models.Base) -> None:
    class Nested(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.text_model = base.text_encoder

        def forward(self, ids: torch.Tensor, **kwargs: bool) -> SimpleNamespace:
            return self.text_model(ids, **kwargs)

    ids = text.tokenize(base.tokenizer, ["zumi"])
    assert torch.equal(text.encode(Nested(), ids, 2), text.encode(base.text_encoder, ids, 2))
