"""Captioners on tiny models of the real classes, loaded by the real code."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file, save_file

from dataprep.captioners import loading
from dataprep.captioners.chat import Chat
from dataprep.captioners.families import FAMILIES, check_prompt
from dataprep.captioners.folder import read_folder
from dataprep.captioners.loading import place
from dataprep.captioners.local import Captioner
from dataprep.captioners.parts import (
    Answer,
    Ask,
    Generation,
    answered,
    recalled,
    remembered,
    seed_of,
    shrunk,
    tidy,
)
from dataprep.captioners.prompts import parse
from dataprep.errors import DataprepError, UsageError
from tests.tiny_captioners import MAKERS, shared

SIZES = ((60, 80), (90, 40), (64, 64), (120, 100), (33, 70))
CHATS = (
    "describe the picture",
    "caption tags : a cat with red hair , sitting outdoors",
    "describe",
    "none",
    "a girl , smiling",
)
PROMPTS: dict[str, tuple[str, ...]] = {
    "blip": ("", "", "", "", ""),
    "blip2": ("", "", "", "", ""),
    "florence": ("<CAPTION>",) * 5,
}
"""Others are asked as chats, with prompts of different lengths."""

Open = Callable[..., Captioner]


def painted(seed: int, size: tuple[int, int] = (60, 80)) -> Image.Image:
    rng = np.random.default_rng(seed)
    fields = Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8))
    return fields.resize(size, Image.Resampling.NEAREST)


def asks(name: str, prompts: tuple[str, ...] | None = None) -> list[Ask]:
    prompts = prompts or PROMPTS.get(name, CHATS)
    return [
        Ask(painted(n, size), prompt, n)
        for n, (size, prompt) in enumerate(zip(SIZES, prompts, strict=True))
    ]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    return lambda name: shared(tmp_path_factory, name)


@pytest.fixture
def opened(tiny: Callable[[str], Path]) -> Open:
    def open_(name: str, *, system: str = "", **values: Any) -> Captioner:
        model = read_folder(tiny(name))
        standard = {
            "max_new_tokens": 40,
            "beams": model.family.beams,
            "repetition_penalty": model.family.repetition_penalty,
        }
        return Captioner(model, Generation(**{**standard, **values}), system, "cpu")

    return open_


@pytest.mark.parametrize("name", MAKERS)
def test_one_by_one_is_the_same_as_together(name: str, opened: Open) -> None:
    captioner = opened(name)
    together = captioner.write(asks(name))
    assert together == [captioner.write([ask])[0] for ask in asks(name)]
    assert together == opened(name).write(asks(name))
    assert len({answer.text for answer in together}) > 3
    assert all(answer.text and not answer.problem for answer in together)
    assert not any(word.startswith("<") for answer in together for word in answer.text.split())


@pytest.mark.parametrize("name", MAKERS)
def test_captions_are_not_cut_at_twenty_tokens(name: str, opened: Open) -> None:
    answers = opened(name, max_new_tokens=48).write(asks(name))
    assert max(len(answer.text.split()) for answer in answers) > 24
    for answer in answers:
        words = len(answer.text.split())
        # a special word in the middle is not shown, so a cut text may have fewer words
        assert words <= 48
        assert answer.cut or words < 48


@pytest.mark.parametrize("name", MAKERS)
def test_half_precision_works_in_every_part(name: str, tiny: Callable[[str], Path]) -> None:
    model = read_folder(tiny(name))
    captioner = Captioner(model, Generation(8), device="cpu", dtype="bfloat16")
    answers = captioner.write(asks(name))
    assert captioner.device == "cpu, bfloat16"
    assert sum(bool(answer.text) for answer in answers) >= 3


@pytest.mark.parametrize("name", ["blip2", "florence", "qwen", "llava"])
def test_a_cut_caption_is_the_beginning_of_the_whole_one(name: str, opened: Open) -> None:
    whole = opened(name, beams=1, max_new_tokens=60).write(asks(name))
    short = opened(name, beams=1, max_new_tokens=6).write(asks(name))
    assert any(answer.cut for answer in short)
    for long, cut in zip(whole, short, strict=True):
        assert long.text.startswith(cut.text)
        # the end itself is a token, so a text that is whole may lack it
        assert cut.cut if cut.text != long.text else cut.cut >= long.cut


@pytest.mark.parametrize("name", ["blip", "qwen", "florence"])
def test_chance_depends_on_the_pictures_own_seed_alone(name: str, opened: Open) -> None:
    chance = {"nucleus": True, "beams": 1, "temperature": 1.5, "top_p": 0.95}
    captioner = opened(name, **chance)
    together = captioner.write(asks(name))
    backwards = [captioner.write([ask])[0] for ask in reversed(asks(name))]
    assert together == backwards[::-1]
    other = [Ask(ask.image, ask.prompt, ask.seed + 100) for ask in asks(name)]
    assert captioner.write(other) != together
    assert opened(name).write(asks(name)) != together


def test_draws_follow_the_probabilities() -> None:
    from dataprep.captioners.sampling import Nucleus

    odds = torch.tensor([0.5, 0.3, 0.15, 0.05])
    generation = Generation(8, nucleus=True, top_p=0.9, temperature=1.0)
    nucleus = Nucleus(generation, range(4000))
    drawn = nucleus(None, odds.log().expand(4000, -1)).argmax(1)
    shares = torch.bincount(drawn, minlength=4) / 4000
    expected = odds[:3] / odds[:3].sum()
    assert shares[3] == 0  # the first three have 95 %, the first two only 80 %
    assert torch.allclose(shares[:3], expected, atol=0.03)


def test_a_shortest_length_and_a_penalty_count(opened: Open) -> None:
    asked = asks("llava")
    free = opened("llava").write(asked)
    assert min(len(answer.text.split()) for answer in free) < 10
    longer = opened("llava", min_length=30).write(asked)
    # words that are not shown, such as the padding's, count as tokens too
    assert min(len(answer.text.split()) for answer in longer) > 20
    varied = opened("llava", min_length=30, repetition_penalty=3.0).write(asked)
    assert len({*varied[3].text.split()}) > len({*longer[3].text.split()})


def test_blip_begins_with_its_prompt(opened: Open) -> None:
    prompts = ("a girl", "", "a cat with hat", "a girl", "the")
    captioner = opened("blip")
    together = captioner.write(asks("blip", prompts))
    assert [a.text.startswith(p) for a, p in zip(together, prompts, strict=True)] == [True] * 5
    assert together == [captioner.write([ask])[0] for ask in asks("blip", prompts)]


def test_blip2_goes_on_behind_its_prompt(opened: Open) -> None:
    captioner = opened("blip2")
    prompts = ("a girl with hat", "describe the picture", "tags : cat", "none", "tags : red hair")
    together = captioner.write(asks("blip2", prompts))
    assert together == [captioner.write([ask])[0] for ask in asks("blip2", prompts)]
    assert not any(p in a.text for a, p in zip(together, prompts, strict=True) if " " in p)
    assert together != captioner.write(asks("blip2"))


def test_florence_reads_its_tasks(opened: Open) -> None:
    captioner = opened("florence", beams=1)
    texts = {
        task: captioner.write([Ask(painted(1), task, 0)])[0].text
        for task in ("<CAPTION>", "<DETAILED_CAPTION>", "describe tags")
    }
    assert len(set(texts.values())) == 3


def test_florence_text_is_that_of_its_own_post_processing(opened: Open) -> None:
    captioner = opened("florence", beams=1)
    ask = Ask(painted(1), "<CAPTION>", 0)
    inputs = captioner._inputs([ask])
    processor = captioner._processor
    with torch.inference_mode():
        rows = captioner._network.generate(**inputs, **captioner._options([ask]))
    raw = processor.batch_decode(rows, skip_special_tokens=False)[0]
    theirs = processor.post_process_generation(text=raw, task="<CAPTION>")["<CAPTION>"]
    assert captioner.write([ask])[0].text == " ".join(theirs.replace("<pad>", "").split())


@pytest.mark.parametrize("name", ["qwen", "llava", "joy"])
def test_a_chat_begins_once_and_has_one_picture(name: str, opened: Open) -> None:
    captioner = opened(name, system="describe")
    assert captioner._chat is not None
    text = captioner._chat.render("caption tags : red hair")
    picture = "<|image_pad|>" if name == "qwen" else "<image>"
    assert text.count(picture) == 1
    assert text.count("caption tags : red hair") == 1
    assert "'type'" not in text
    assert "system" in text
    assert text.rstrip().endswith(("assistant", "assistant :"))
    ids = captioner._inputs([Ask(painted(1), "describe", 0)])["input_ids"][0].tolist()
    tokenizer = captioner._processor.tokenizer
    # Qwen has no BOS at all; JoyCaption's template brings one that is not to be doubled
    assert ids.count(tokenizer.bos_token_id) == (0 if name == "qwen" else 1)


def test_the_prompt_changes_a_chats_answer(opened: Open) -> None:
    captioner = opened("qwen")
    with_tags = captioner.write([Ask(painted(1), "tags : red hair", 0)])
    assert with_tags != captioner.write([Ask(painted(1), "tags : blue hat", 0)])
    assert with_tags != opened("qwen", system="none").write([Ask(painted(1), "tags : red hair", 0)])


def test_a_prompt_that_does_not_fit_is_a_problem_of_its_picture(opened: Open) -> None:
    captioner = opened("llava")
    good, long = asks("llava")[0], Ask(painted(1), "a cat " * 400, 0)
    answers = captioner.write([good, long])
    assert answers[0] == captioner.write([good])[0]
    assert "the model can do 512" in answers[1].problem
    assert not answers[1].text


def test_a_picture_of_an_impossible_shape_is_a_problem_of_its_own(opened: Open) -> None:
    captioner = opened("qwen")
    good, narrow = asks("qwen")[0], Ask(painted(1, (900, 4)), "describe", 0)
    answers = captioner.write([good, narrow])
    assert answers[0] == captioner.write([good])[0]
    assert "aspect ratio" in answers[1].problem


def test_a_model_too_large_for_the_card_is_said(
    tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.nn.Module, "to", full)
    with pytest.raises(DataprepError, match="does not hold it"):
        Captioner(read_folder(tiny("qwen")), Generation(8))


def test_memory_that_runs_out_halves_the_batch(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    captioner = opened("qwen")
    expected = captioner.write(asks("qwen"))
    generate, sizes = captioner._network.generate, []

    def short_of_memory(**inputs: Any) -> Any:
        sizes.append(len(inputs["input_ids"]))
        if sizes[-1] > limit:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return generate(**inputs)

    monkeypatch.setattr(captioner._network, "generate", short_of_memory)
    limit = 2
    assert captioner.write(asks("qwen")) == expected
    assert (sizes, captioner.at_once) == ([5, 2, 2, 1], 2)
    limit = 0
    with pytest.raises(DataprepError, match="does not take one picture") as raised:
        captioner.write(asks("qwen"))
    assert "--max-pixels" in raised.value.hint


def test_it_can_be_stopped_between_words(opened: Open) -> None:
    captioner = opened("llava", max_new_tokens=400, min_length=390)
    captioner.stop()
    assert captioner.write(asks("llava")) == []


def test_the_place_is_chosen_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert place("cpu", "auto").words == "cpu, float32"
    assert place("cpu", "bfloat16").words == "cpu, bfloat16"
    with pytest.raises(UsageError, match="float16 is for graphics cards"):
        place("cpu", "float16")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    assert place("auto", "auto").fallback == "on the CPU: this torch was built without CUDA"
    assert not place("cpu", "auto").fallback
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert "finds no graphics card" in place("auto", "auto").fallback
    with pytest.raises(DataprepError, match="device cuda: torch"):
        place("cuda", "auto")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for native, dtype in ((True, "bfloat16"), (False, "float16")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda native=native, **_: native)
        assert place("auto", "auto").words == f"cuda, {dtype}"


def test_without_the_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DataprepError, match="torch and transformers") as raised:
        loading.require_libraries()
    assert 'pip install "lora-dataprep[train]"' in raised.value.hint


@pytest.fixture
def copied(tiny: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    return lambda name: Path(shutil.copytree(tiny(name), tmp_path / name))


def configured(folder: Path, **values: Any) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    return folder


@pytest.mark.parametrize(
    ("name", "config", "sentence"),
    [
        ("blip", {"architectures": ["BlipForQuestionAnswering"]}, "writes no captions"),
        ("florence", {"auto_map": {"AutoConfig": "x.Y"}}, "Florence-2's old form"),
        ("florence", {"text_config": {"model_type": "florence2_language"}}, "old form"),
        ("blip", {"model_type": None}, "names no model_type"),
    ],
)
def test_configurations_that_cannot_be_used(
    name: str, config: dict[str, Any], sentence: str, copied: Callable[[str], Path]
) -> None:
    with pytest.raises(DataprepError, match=sentence):
        read_folder(configured(copied(name), **config))


def test_folders_that_are_no_captioner(tmp_path: Path, copied: Callable[[str], Path]) -> None:
    with pytest.raises(DataprepError, match=r"has no config\.json"):
        read_folder(tmp_path)
    folder = copied("blip")
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    for length in (0, 5, 100, len(whole) - 1):
        weights.write_bytes(whole[:length])
        with pytest.raises(DataprepError, match=r"is not a whole \.safetensors file"):
            read_folder(folder)
    weights.rename(folder / "pytorch_model.bin")
    with pytest.raises(DataprepError, match="a pickle that could run code"):
        read_folder(folder)
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(DataprepError, match=r"has no \.safetensors file"):
        read_folder(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(DataprepError, match="is not JSON"):
        read_folder(folder)


@pytest.mark.parametrize("kind", ["bert", "nonesuch"])
def test_models_that_see_nothing_are_refused(kind: str, copied: Callable[[str], Path]) -> None:
    model = read_folder(configured(copied("qwen"), model_type=kind, architectures=["X"]))
    with pytest.raises(DataprepError, match=f"model_type '{kind}' is nothing that") as raised:
        Captioner(model, Generation(8))
    assert "Florence-2" in raised.value.hint


def test_weights_that_lack_a_part_are_refused(copied: Callable[[str], Path]) -> None:
    folder = copied("qwen")
    tensors = load_file(folder / "model.safetensors")
    missing = next(name for name in tensors if "mlp" in name)
    del tensors[missing]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(DataprepError, match="weights lack 1 parts"):
        Captioner(read_folder(folder), Generation(8))


def test_a_folder_without_tokenizer_is_refused(copied: Callable[[str], Path]) -> None:
    folder = copied("llava")
    for path in folder.glob("token*"):
        path.unlink()
    with pytest.raises(DataprepError, match="processor cannot be loaded"):
        Captioner(read_folder(folder), Generation(8))


def test_a_chat_without_template_is_refused(copied: Callable[[str], Path]) -> None:
    folder = copied("llava")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(DataprepError, match="has no chat template"):
        Captioner(read_folder(folder), Generation(8))


class Processor:
    """A processor with a template of which no picture comes out."""

    image_token = "<image>"
    chat_template = "x"

    class tokenizer:
        bos_token = None

    def apply_chat_template(self, messages: list[dict[str, Any]], **_: Any) -> str:
        return "nothing"


def test_a_template_without_place_for_a_picture_is_refused() -> None:
    with pytest.raises(DataprepError, match="no place for a picture"):
        Chat(Processor(), "mine", "").render("describe")


def test_the_digest_stands_for_weights_and_words(copied: Callable[[str], Path]) -> None:
    folder = copied("qwen")
    before = read_folder(folder).digest
    assert read_folder(folder).digest == before
    tensors = load_file(folder / "model.safetensors")
    last = sorted(tensors)[-1]
    save_file({**tensors, last: tensors[last] + 1}, folder / "model.safetensors", {"format": "pt"})
    weights = read_folder(folder).digest
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text() + " ")
    assert len({before, weights, read_folder(folder).digest}) == 3


def test_templates() -> None:
    template = parse("Tags: {tags}. {{x}} {name}")
    assert template.places == {"tags", "name"}
    assert template.render("red, hat", "zumi", "007") == "Tags: red, hat. {x} 007"
    assert template.render(name="{tags}") == "Tags: . {x} {tags}"
    for wrong, sentence in (
        ("{tgs}", r"unknown placeholder \{tgs\}"),
        ("{}", r"unknown placeholder \{\}"),
        ("{tags!r}", "takes no format"),
        ("{tags.x}", r"unknown placeholder \{tags.x\}"),
        ("a } b", "a brace stands alone"),
        ("{tags", "a brace stands alone"),
    ):
        with pytest.raises(UsageError, match=sentence) as raised:
            parse(wrong)
        assert "{tags}, {trigger}, {name}" in raised.value.hint


@given(st.text(), st.text())
def test_tags_come_through_whatever_they_are(tags: str, around: str) -> None:
    quoted = around.replace("{", "{{").replace("}", "}}")
    text = parse(quoted + "{tags}" + quoted).render(tags)
    assert text == (around + tags + around).strip()


def test_prompts_of_florence() -> None:
    florence = FAMILIES["florence2"]
    check_prompt(florence, "<MIXED_CAPTION>")
    check_prompt(florence, "<CAPTION>")
    for wrong in ("<OD>", "<CAPTION> of it", " "):
        with pytest.raises(UsageError):
            check_prompt(florence, wrong)
    check_prompt(FAMILIES["chat"], "<OD>")


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ("a girl\nin a hat \n", "a girl in a hat"),
        ("<think>so\nwhat</think>\n\na girl", "a girl"),
        ("so what</think>a girl", "a girl"),
        ("<think>on and on", ""),
        (" \n", ""),
    ],
)
def test_answers_are_one_line_without_thoughts(raw: str, line: str) -> None:
    assert tidy(raw) == line


def test_an_empty_answer_is_a_problem() -> None:
    assert answered("", False).problem == "no caption: the model said nothing"
    assert "the limit came before" in answered("<think>on", True).problem


@given(st.text().map(tidy), st.booleans())
def test_what_is_remembered_comes_back(text: str, cut: bool) -> None:
    assert recalled(remembered(Answer(text, cut))) == Answer(text, cut)


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 100_000))
def test_pictures_shrink_to_the_limit_and_keep_their_shape(w: int, h: int, most: int) -> None:
    image = Image.new("L", (w, h))
    width, height = shrunk(image, most).size
    if w * h <= most:
        assert (width, height) == (w, h)
        return
    assert width * height <= max(most, max(width, height))
    # nothing is lost but what the rounding to whole pixels takes
    assert (width + 1) * (height + 1) > most or min(width, height) == 1
    assert width <= w
    assert height <= h


def test_seeds_differ_by_picture_and_run() -> None:
    seeds = {seed_of(run, sha, "r") for run in (0, 1) for sha in ("a", "b")}
    assert len(seeds) == 4
    assert all(0 <= seed < 1 << 63 for seed in seeds)
    assert seed_of(0, "a", "r") == 2107750629154174717
