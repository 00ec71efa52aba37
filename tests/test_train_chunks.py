"""Captions are cut into parts of 75 tokens, and encoded as diffusers and sd-scripts do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import tiny_base
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from hypothesis import given
from hypothesis import strategies as st

from dataprep.errors import UsageError
from train import text
from train.families import Family
from train.models.base import Base, TextPart
from train.text.encoding import encode, joined, pooled, weigh
from train.text.rules import TextRules, rules_of
from train.text.tokens import blank, chunks, cut, cut_tags, token_count

BEGIN, END, COMMA, FIRST = 226, 227, 105, 0
"""Ids of the tiny tokenizer: begin, end, a comma at the end of a word, "!"."""
PARTS: dict[Family, tuple[str, ...]] = {
    "sd1": ("",),
    "sd2": ("",),
    "sdxl": ("", "_2"),
}
LONG = ", ".join(["red circle", "blue square", "green hair"] * 12)
"""108 tokens."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[Family, Path]:
    families: tuple[Family, ...] = get_args(Family)
    return {family: tiny_base.shared(tmp_path_factory, family) for family in families}


@pytest.fixture(scope="module")
def pipelines(folders: dict[Family, Path]) -> dict[Family, Any]:
    kinds = {"sdxl": StableDiffusionXLPipeline}
    return {
        family: kinds.get(family, StableDiffusionPipeline).from_pretrained(folder)
        for family, folder in folders.items()
    }


@pytest.fixture(scope="module")
def bases(pipelines: dict[Family, Any]) -> dict[Family, Base]:
    def part(pipe: Any, suffix: str) -> TextPart:
        return TextPart(
            getattr(pipe, f"text_encoder{suffix}").eval(), getattr(pipe, f"tokenizer{suffix}")
        )

    return {
        family: Base(
            family,
            pipe.unet,
            tuple(part(pipe, suffix) for suffix in PARTS[family]),
            pipe.scheduler.alphas_cumprod,
        )
        for family, pipe in pipelines.items()
    }


@pytest.fixture(scope="module")
def tokenizer(bases: dict[Family, Base]) -> Any:
    return bases["sd1"].texts[0].tokenizer


def rules(most: int = 225, **values: Any) -> TextRules:
    return TextRules(max_token_length=most, **values)


def kohya(tokenizer: Any, caption: str, most: int) -> list[list[int]]:
    """What sd-scripts makes of a caption: one long row, cut, with what it mends afterwards."""
    row = tokenizer(caption, padding="max_length", truncation=True, max_length=most + 2).input_ids
    begin, end, padding = tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id
    parts = [[begin, *row[place : place + 75], row[-1]] for place in range(1, most, 75)]
    if padding != end:
        for part in parts:
            part[-1] = end if part[-2] not in (end, padding) else part[-1]
            part[1] = end if part[1] == padding else part[1]
    return parts


# tokens


def test_the_parts_of_225_tokens(tokenizer: Any) -> None:
    red, blue = (tokenizer(word, add_special_tokens=False).input_ids[0] for word in ("red", "blue"))
    caption = "red " * 75 + "blue " * 75 + "red " * 75
    found = [chunk.ids for chunk in chunks(tokenizer, caption, rules())]
    assert found == [(BEGIN, *[word] * 75, END) for word in (red, blue, red)]
    assert token_count(tokenizer, caption) == 225
    assert cut(tokenizer, caption, rules()) == 0
    assert cut(tokenizer, caption + "thing thing", rules()) == 2
    assert cut(tokenizer, caption, rules(75)) == 150


def test_padding_is_what_the_tokenizer_says(bases: dict[Family, Base]) -> None:
    for family, padding in (("sd1", END), ("sd2", FIRST)):
        tokenizer = bases[family].texts[0].tokenizer
        (chunk,) = chunks(tokenizer, "red", rules())
        assert chunk.ids[0] == BEGIN
        assert chunk.ids[2:] == (END, *[padding] * 74)
        assert blank(tokenizer).ids == (BEGIN, END, *[padding] * 75)
        assert chunks(tokenizer, "", rules()) == [blank(tokenizer)]
    assert [part.tokenizer.pad_token_id for part in bases["sdxl"].texts] == [END, FIRST]


@pytest.mark.parametrize("family", ["sd1", "sd2"])
@pytest.mark.parametrize("words", [0, 1, 74, 75, 76, 149, 150, 151, 200, 224, 225, 226, 300])
def test_cut_straight_the_parts_are_those_of_sd_scripts(
    bases: dict[Family, Base], family: Family, words: int
) -> None:
    tokenizer = bases[family].texts[0].tokenizer
    caption = " ".join((["red", "blue", "green"] * 100)[:words])
    for most in (75, 150, 225):
        found = chunks(tokenizer, caption, rules(most, split_tags=True))
        rows = [*found, *[blank(tokenizer)] * (most // 75 - len(found))]
        assert [list(row.ids) for row in rows] == kohya(tokenizer, caption, most)


def test_no_tag_is_cut_in_two(tokenizer: Any) -> None:
    # 24 × 3 tokens, then a tag of 5 that would begin at place 72
    caption = "red hair, " * 24 + "blue green circle square, thing"
    first, second = chunks(tokenizer, caption, rules())
    assert first.ids[72:75] == (COMMA, END, END)
    assert second.ids[1:8] == tuple(
        [*tokenizer("blue green circle square, thing").input_ids[1:-1], END]
    )
    straight = chunks(tokenizer, caption, rules(split_tags=True))
    assert straight[0].ids[73:77] == (*second.ids[1:4], END)


def test_what_fits_straight_is_never_lost(tokenizer: Any) -> None:
    # 5 × 14 + 5 tokens would be left empty, so that the last tag would not fit
    tag = "thing " * 39 + "zumi, "
    caption = tag * 3 + "red " * 27
    assert token_count(tokenizer, caption) == 150
    assert cut(tokenizer, caption, rules(150)) == 0
    found = chunks(tokenizer, caption, rules(150))
    assert found == chunks(tokenizer, caption, rules(150, split_tags=True))
    assert len(chunks(tokenizer, caption, rules(225))) == 3


def test_a_tag_longer_than_a_part_is_cut(tokenizer: Any) -> None:
    found = chunks(tokenizer, "zumi, " + "red " * 100 + ", blue", rules())
    assert [sum(one not in (BEGIN, END) for one in chunk.ids) for chunk in found] == [75, 29]


def test_break_begins_another_part(tokenizer: Any) -> None:
    first, second = chunks(tokenizer, "red BREAK blue", rules())
    assert [first] == chunks(tokenizer, "red", rules())
    assert [second] == chunks(tokenizer, "blue", rules())
    assert chunks(tokenizer, "red BREAK blue", rules(75)) == chunks(tokenizer, "red blue", rules())
    (straight,) = chunks(tokenizer, "red BREAK blue", rules(split_tags=True))
    assert list(straight.ids) == tokenizer("red BREAK blue", padding="max_length").input_ids


def test_what_is_cut_is_named(tokenizer: Any) -> None:
    caption = "red hair, " * 24 + "blue square, green, zumi"
    assert cut(tokenizer, caption, rules(75)) == 3
    assert cut_tags(tokenizer, caption, rules(75)) == ["green", "zumi"]
    assert cut_tags(tokenizer, caption, rules(150)) == []
    assert cut(tokenizer, caption + " thing", rules(75)) == 4


@given(st.text(st.sampled_from([*"abz ,.()'_1\n", "é", "́", "中", " "])) | st.text())
def test_in_parts_a_caption_has_the_tokens_it_has_as_one(tokenizer: Any, caption: str) -> None:
    whole = tokenizer(caption, add_special_tokens=False, verbose=False).input_ids
    for one in (rules(7500), rules(7500, split_tags=True)):
        inside: list[int] = []
        for chunk in chunks(tokenizer, caption.replace("BREAK", ""), one):
            end = max(place for place, token in enumerate(chunk.ids) if token == END)
            inside += [token for token in chunk.ids[1:end] if token != END]
        assert inside == [token for token in whole if token != END]


@given(
    st.lists(st.integers(1, 90).map(lambda words: " ".join(["red"] * words)), max_size=12),
    st.sampled_from([75, 150, 225]),
)
def test_parts_are_whole_and_lose_only_what_cannot_fit(
    tokenizer: Any, tags: list[str], most: int
) -> None:
    caption = ", ".join(tags)
    found = chunks(tokenizer, caption, rules(most))
    assert 1 <= len(found) <= most // 75
    assert all(len(chunk.ids) == len(chunk.weights) == 77 for chunk in found)
    kept = sum(token not in (BEGIN, END) for chunk in found for token in chunk.ids)
    assert kept + cut(tokenizer, caption, rules(most)) == token_count(tokenizer, caption)
    assert kept == min(most, token_count(tokenizer, caption))


def test_each_token_has_the_weight_of_its_piece(tokenizer: Any) -> None:
    weighted = rules(weighted_captions=True)
    (chunk,) = chunks(tokenizer, "red, (blue hair:1.5), [zumi]", weighted)
    assert chunk.weights[:9] == (1, 1, 1, 1.5, 1.5, 1, 1 / 1.1, 1, 1)
    assert set(chunk.weights[9:]) == {1}
    (plain,) = chunks(tokenizer, "red, blue hair, zumi", weighted)
    assert chunk.ids == plain.ids
    assert set(chunks(tokenizer, "(red)", rules())[0].weights) == {1}
    # a tag of two weights is still one tag
    caption = "red hair, " * 24 + "blue (green circle:1.2) square, thing"
    assert chunks(tokenizer, caption, weighted)[1].weights[1:6] == (1, 1.2, 1.2, 1, 1)


# encoding


@pytest.mark.parametrize("family", get_args(Family))
def test_a_short_caption_is_encoded_as_diffusers_does(
    bases: dict[Family, Base], pipelines: dict[Family, Any], family: Family
) -> None:
    captions = ["zumi, red circle", "", "thing " * 80]
    found = encode(bases[family], captions, rules(75))
    expected = pipelines[family].encode_prompt(
        captions, device="cpu", num_images_per_prompt=1, do_classifier_free_guidance=False
    )
    assert torch.equal(found.hidden, expected[0])
    if family == "sdxl":
        assert found.pooled is not None
        assert torch.equal(found.pooled, expected[2])
    else:
        assert found.pooled is None


@pytest.mark.parametrize("family", ["sd1", "sd2"])
@pytest.mark.parametrize("skip", [1, 2])
def test_clip_skip_takes_an_earlier_layer_through_the_final_norm(
    bases: dict[Family, Base], family: Family, skip: int
) -> None:
    (part,) = bases[family].texts
    ids = part.tokenizer("zumi, red circle", padding="max_length", return_tensors="pt").input_ids
    states = part.encoder(ids, output_hidden_states=True).hidden_states
    found = encode(bases[family], ["zumi, red circle"], rules(clip_skip=skip)).hidden
    assert torch.equal(found, part.encoder.final_layer_norm(states[-skip]))
    last = part.encoder(ids).last_hidden_state
    assert torch.equal(found, last) == (skip == 1)


def test_a_layer_that_is_not_there_is_refused(bases: dict[Family, Base]) -> None:
    with pytest.raises(UsageError, match=r"clip_skip = 3: .* only 2 layers"):
        encode(bases["sd1"], ["zumi"], rules(clip_skip=3))


def test_sdxl_takes_both_penultimate_layers_without_norm(bases: dict[Family, Base]) -> None:
    base = bases["sdxl"]
    found = encode(base, [LONG], rules(clip_skip=2))
    sides = []
    for part in base.texts:
        ids = torch.tensor([chunk.ids for chunk in chunks(part.tokenizer, LONG, rules())])
        sides.append(part.encoder(ids, output_hidden_states=True).hidden_states[-2])
    both = torch.cat(sides, dim=-1)
    assert found.hidden.shape == (1, 152, tiny_base.WIDTH + tiny_base.WIDTH // 2)
    assert torch.equal(found.hidden, joined(both.unsqueeze(0)))
    # the pooled state is that of the first part
    second = base.texts[1]
    ids = torch.tensor([chunks(second.tokenizer, LONG, rules())[0].ids])
    assert torch.allclose(found.pooled, second.encoder(ids).text_embeds, atol=1e-6)


def test_the_pooled_state_is_that_of_the_first_end(bases: dict[Family, Base]) -> None:
    encoder = bases["sdxl"].texts[1].encoder
    states = torch.randn(2, 77, tiny_base.WIDTH // 2, generator=torch.Generator().manual_seed(0))
    ids = torch.full((2, 77), 5)
    # an added token has a higher id than the end mark, which is where old configs look
    ids[:, 2], ids[0, 4], ids[1, 6], ids[1, 8] = 999, END, END, END
    expected = encoder.text_projection(torch.stack([states[0, 4], states[1, 6]]))
    assert torch.equal(pooled(encoder, states, ids, END), expected)


def test_parts_are_put_together_as_sd_scripts_does() -> None:
    states = torch.arange(2 * 3 * 77).view(2, 3, 77, 1)
    found = joined(states)
    assert found.shape == (2, 227, 1)
    assert found[0, :, 0].tolist() == [0, *range(1, 76), *range(78, 153), *range(155, 230), 230]
    assert torch.equal(joined(states[:, :1]), states[:, 0])


@pytest.mark.parametrize("family", get_args(Family))
def test_all_captions_have_the_parts_that_the_longest_needs(
    bases: dict[Family, Base], family: Family
) -> None:
    base = bases[family]
    together = encode(base, ["zumi", LONG], rules()).hidden
    assert together.shape[1] == 152
    assert torch.allclose(together[1:], encode(base, [LONG], rules()).hidden, atol=1e-6)
    assert torch.allclose(
        together[0, :76], encode(base, ["zumi"], rules()).hidden[0, :76], atol=1e-6
    )
    assert encode(base, ["zumi"], rules(full_length=True)).hidden.shape[1] == 227


def test_each_caption_has_its_own_pooled_state(bases: dict[Family, Base]) -> None:
    captions = ["zumi", LONG, "blue square"]
    together = encode(bases["sdxl"], captions, rules()).pooled
    alone = [encode(bases["sdxl"], [caption], rules()).pooled for caption in captions]
    assert torch.allclose(together, torch.cat(alone), atol=1e-6)
    assert not torch.allclose(together[0], together[2], atol=1e-2)


def test_both_layouts_of_the_text_encoder_encode_alike(bases: dict[Family, Base]) -> None:
    class Nested(torch.nn.Module):
        def __init__(self, encoder: torch.nn.Module) -> None:
            super().__init__()
            self.text_model = encoder

        def forward(self, ids: torch.Tensor, **kwargs: bool) -> SimpleNamespace:
            return self.text_model(ids, **kwargs)

    base = bases["sd1"]
    nested = Base(
        "sd1",
        base.unet,
        (TextPart(Nested(base.texts[0].encoder), base.texts[0].tokenizer),),
        base.alphas_cumprod,
    )
    found, expected = (encode(one, [LONG], rules(clip_skip=2)).hidden for one in (nested, base))
    assert torch.equal(found, expected)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_gradients_flow_where_they_are_asked_for(
    bases: dict[Family, Base], checkpointing: bool
) -> None:
    base = bases["sdxl"]
    weights = [text.body(part.encoder).encoder.layers[0].mlp.fc1.weight for part in base.texts]
    for part in base.texts:
        part.encoder.train()
        if checkpointing:
            part.encoder.gradient_checkpointing_enable({"use_reentrant": False})
    try:
        found = encode(base, ["zumi", LONG], rules())
        assert found.pooled is not None
        grads = torch.autograd.grad(found.hidden.square().sum() + found.pooled.sum(), weights)
        with torch.no_grad():
            assert not encode(base, ["zumi"], rules()).hidden.requires_grad
    finally:
        for part in base.texts:
            part.encoder.gradient_checkpointing_disable()
            part.encoder.eval()
    assert all(grad.abs().sum() > 0 for grad in grads)


def test_weights_scale_states_and_keep_their_mean() -> None:
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(2, 77, 8, generator=generator) + 0.3
    weights = torch.ones(2, 77)
    weights[0, 1:4] = 1.5
    scaled = weigh(states, weights, restore_mean=False)
    assert torch.equal(scaled[0, 1:4], states[0, 1:4] * 1.5)
    assert torch.equal(scaled[0, 4:], states[0, 4:])
    kept = weigh(states, weights, restore_mean=True)
    assert kept[0].mean() == pytest.approx(states[0].mean().item(), rel=1e-5)
    assert torch.allclose(kept[0], scaled[0] * states[0].mean() / scaled[0].mean())
    # what has no weights is not touched, whatever it is encoded with
    assert torch.equal(kept[1], states[1])
    # a mean of nothing cannot be restored
    balanced = torch.cat([states, -states], dim=2)
    assert torch.equal(
        weigh(balanced, weights, restore_mean=True), weigh(balanced, weights, restore_mean=False)
    )


def test_weighted_captions_are_only_read_when_asked_for(bases: dict[Family, Base]) -> None:
    base, asked = bases["sdxl"], rules(weighted_captions=True, restore_mean=False)
    plain = encode(base, ["red, blue"], asked)
    heavy = encode(base, ["red, (blue:1.5)"], asked)
    assert torch.equal(heavy.hidden[:, 3], plain.hidden[:, 3] * 1.5)
    assert torch.equal(heavy.hidden[:, :3], plain.hidden[:, :3])
    assert torch.equal(heavy.pooled, plain.pooled)
    letters = encode(base, ["red, (blue:1.5)"], rules())
    assert not torch.allclose(letters.hidden[:, 3], heavy.hidden[:, 3])


def test_rules_of_a_config(tmp_path: Path) -> None:
    config = tiny_base.config(
        tmp_path, tmp_path, clip_skip=2, max_token_length=150, weighted_captions=True
    )
    assert rules_of(config, "sd1") == TextRules(2, 150, weighted_captions=True)
    assert rules_of(config, "sdxl").clip_skip == 1
    as_kohya = rules_of(config.model_copy(update={"compat": "kohya"}), "sd2")
    assert as_kohya.split_tags
    assert as_kohya.full_length
    assert not as_kohya.restore_mean


def test_captions_are_read_without_torch() -> None:
    code = "import sys, train.text, train.data.item; print('torch' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "False\n"
    assert text.encode is encode
    with pytest.raises(AttributeError, match="no attribute 'decode'"):
        _ = text.decode
