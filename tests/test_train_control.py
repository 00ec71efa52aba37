"""What is wished of a trainer between two steps, and the samples it draws on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_base
import torch
from PIL import Image

from dataprep.errors import DataprepError, UsageError
from dataprep.jobs import Progress, finish
from dataprep.runs.folder import Wish, make_wish
from train import lora_file, models, previews
from train.config import TrainConfig
from train.config.reading import load
from train.control import Control
from train.draw import Column, DrawRequest, draw
from train.pace import WINDOW, Pace
from train.recipe import train

STARTED = 1_700_000_000.0
Events = list[dict[str, Any]]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base.shared(tmp_path_factory)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny_base.paint(tmp_path / "img" / "3_thing")
    return tmp_path


def run(
    base: Path, root: Path, act: Callable[[Progress, Control], None] | None = None, **values: Any
) -> tuple[list[Progress], Events, dict[str, Any]]:
    """Train with a control whose wishes ``act`` leaves; progress, events and report."""
    progress: list[Progress] = []
    events: Events = []
    control = Control(root, say=events.append)

    def show(now: Progress) -> None:
        progress.append(now)
        if act is not None and now.stage == "training":
            act(now, control)

    config = tiny_base.config(base, root, **values)
    job = train(config, started_at=STARTED, control=control, samples=root / "samples")
    return progress, events, finish(job, show)


def at(root: Path, step: int, *wishes: Wish) -> Callable[[Progress, Control], None]:
    """Leaves wishes once, at a step."""
    left = list(wishes)

    def act(now: Progress, control: Control) -> None:
        if now.done == step:
            while left:
                make_wish(root, left.pop(0))

    return act


def kinds(events: Events) -> list[str]:
    return [event["event"] for event in events]


def test_a_file_is_saved_on_a_wish_and_the_run_goes_on(base: Path, root: Path) -> None:
    _, events, report = run(base, root, at(root, 4, "save"))
    assert kinds(events) == ["heard", "saved", "saved"]
    assert [(e["step"], e["epoch"]) for e in events[1:]] == [(4, 1), (10, 1)]
    weights, about = lora_file.load(root / "model" / "lora-step00000004.safetensors")
    assert about["ss_steps"] == "4"
    last, _ = lora_file.load(Path(report["lora"]))
    assert set(weights) == set(last)
    assert any(not torch.equal(weights[key], last[key]) for key in weights)
    assert (report["steps"], report["stopped"]) == (10, False)


def test_a_pause_holds_the_run_and_hears_other_wishes(base: Path, root: Path) -> None:
    paused: list[Progress] = []

    def act(now: Progress, control: Control) -> None:
        if now.done == 3 and not paused and not now.facts.get("paused"):
            make_wish(root, "pause")
        if now.facts.get("paused"):
            paused.append(now)
            make_wish(root, "save")
            make_wish(root, "continue")

    progress, events, report = run(base, root, act)
    assert [now.done for now in paused] == [3]
    assert paused[0].note == "paused"
    wishes = [event["wish"] for event in events if event["event"] == "heard"]
    assert wishes == ["pause", "save", "continue"]
    assert events[3]["path"] == str(root / "model" / "lora-step00000003.safetensors")
    steps = [now for now in progress if now.stage == "training"]
    assert [now.done for now in steps] == [1, 2, 3, 3, 3, *range(4, 11)]
    assert [bool(now.facts.get("paused")) for now in steps[2:5]] == [False, True, False]
    assert report["steps"] == 10


def test_a_pause_costs_no_speed() -> None:
    clock = iter([0.0, 1.0, 2.0, 102.5])
    pace = Pace(lambda: next(clock))
    assert pace.left(5) is None
    pace.tick(4)
    pace.tick(4)
    pace.skip(100)
    assert pace.it_per_s == pytest.approx(1)
    pace.tick(2)
    assert pace.it_per_s == pytest.approx(3 / 2.5)
    assert pace.images_per_s == pytest.approx(10 / 2.5)
    assert pace.left(12) == pytest.approx(10)


def test_the_speed_is_that_of_the_last_steps() -> None:
    times = [0.0] + [float(n) for n in range(1, 6)] + [5 + n / 10 for n in range(1, WINDOW + 1)]
    clock = iter(times)
    pace = Pace(lambda: next(clock))
    for _ in times[1:]:
        pace.tick(1)
    assert pace.it_per_s == pytest.approx(10)


def test_a_wish_to_stop_ends_a_pause_and_saves(base: Path, root: Path) -> None:
    _, events, report = run(base, root, at(root, 5, "pause", "stop"))
    assert report["stopped"] is True
    assert report["lora"] == str(root / "model" / "lora-step00000005.safetensors")
    assert kinds(events) == ["heard", "heard", "saved"]


def test_a_signal_ends_a_pause_too(base: Path, root: Path) -> None:
    def act(now: Progress, control: Control) -> None:
        if now.done == 2:
            make_wish(root, "pause")
        if now.facts.get("paused"):
            control.stop = lambda: True

    _, _, report = run(base, root, act)
    assert (report["stopped"], report["steps"]) == (True, 2)


def test_wishes_left_before_the_first_step_are_granted_before_it(base: Path, root: Path) -> None:
    make_wish(root, "pause")
    make_wish(root, "sample")

    def act(now: Progress, control: Control) -> None:
        if now.note == "paused":
            make_wish(root, "continue")

    _, events, report = run(base, root, act)
    assert [e["step"] for e in events if e["event"] == "sample"] == [0]
    assert report["steps"] == 10


# Samples


def test_samples_change_nothing_of_what_is_learned(base: Path, root: Path) -> None:
    _, _, plain = run(base, root, unet_lr=1e-2, text_encoder_lr=1e-3, max_train_epochs=2)
    files = {path.name: path.read_bytes() for path in (root / "model").iterdir()}
    assert len(files) == 2
    _, events, report = run(
        base,
        root,
        at(root, 7, "sample"),
        unet_lr=1e-2,
        text_encoder_lr=1e-3,
        max_train_epochs=2,
        sample_every_n_steps=4,
        sample_every_n_epochs=1,
        sample_at_first=True,
        sample_prompts=("zumi", "red circle"),
    )
    assert {path.name: path.read_bytes() for path in (root / "model").iterdir()} == files
    assert report["loss_last"] == plain["loss_last"]
    samples = [event for event in events if event["event"] == "sample"]
    # before the first step, every fourth, each end of an epoch, and when wished
    assert [s["step"] for s in samples[::2]] == [0, 4, 7, 8, 10, 12, 16, 20]
    assert {s["prompt"] for s in samples} == {"zumi", "red circle"}
    for sample in samples:
        with Image.open(sample["path"]) as image:
            assert image.size == (64, 64)
            assert f"Seed: {sample['seed']}," in image.info["parameters"]
    first, *_, last = (Path(s["path"]) for s in samples[::2])
    assert first.name == "000000_0.png"
    assert first.read_bytes() != last.read_bytes()


def test_a_sample_is_what_the_saved_file_draws(base: Path, root: Path) -> None:
    values = {"unet_lr": 1e-2, "save_precision": "float", "sample_prompts": "zumi"}
    _, events, report = run(base, root, sample_every_n_epochs=1, **values)
    (sample,) = [event for event in events if event["event"] == "sample"]
    request = DrawRequest(
        model=str(base),
        loras=(Column(name="lora", path=Path(report["lora"])),),
        prompts=("zumi",),
        seeds=(sample["seed"],),
        width=64,
        height=64,
        out_dir=root / "drawn",
    )
    (drawn,) = finish(draw(request))["images"]
    with Image.open(sample["path"]) as ours, Image.open(drawn["path"]) as theirs:
        assert ours.tobytes() == theirs.tobytes()


def test_samples_are_drawn_in_the_format_of_the_training(base: Path, root: Path) -> None:
    values = {"mixed_precision": "bf16", "unet_lr": 1e-2, "max_train_steps": 2}
    _, _, plain = run(base, root, max_train_epochs=None, **values)
    content = Path(plain["lora"]).read_bytes()
    _, events, report = run(base, root, max_train_epochs=None, sample_every_n_steps=1, **values)
    assert [e["step"] for e in events if e["event"] == "sample"] == [1, 2]
    assert Path(report["lora"]).read_bytes() == content


def test_what_is_drawn_when_nothing_is_said(base: Path, root: Path) -> None:
    from train import data

    config = tiny_base.config(base, root)
    items = data.scan(config).items

    def drawn(settings: TrainConfig) -> list[str]:
        return [wanted.prompt for wanted in previews.prompts(settings, items)]

    assert drawn(config) == [items[0].caption]
    named = tiny_base.config(
        base, root, concept={"trigger_word": "zumi", "kept_tags": ("smile", "1girl")}
    )
    assert drawn(named) == ["zumi", "zumi, smile, 1girl"]
    alone = tiny_base.config(base, root, concept={"trigger_word": "zumi"})
    assert drawn(alone) == ["zumi"]
    assert previews.seed_of(alone, "zumi") == previews.seed_of(named, "zumi") < 2**32
    assert previews.seed_of(alone, "zumi") != previews.seed_of(alone, "smile")


def test_one_text_is_one_prompt(base: Path, root: Path) -> None:
    path = root / "train.toml"
    path.write_text(
        f'pretrained_model_name_or_path = "{base.as_posix()}"\ntrain_data_dir = "img"\n'
        'output_dir = "model"\nmax_train_epochs = 1\n'
    )
    assert load(path, ["sample_prompts=zumi, red"]).sample_prompts == ("zumi, red",)
    with pytest.raises(UsageError, match="sample_prompts"):
        load(path, ['sample_prompts=["zumi", ""]'])
    with pytest.raises(UsageError, match="not the name of a file"):
        load(path, ["sample_prompts=prompts.txt"])


def test_samples_that_fail_do_not_end_the_training(
    base: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, loaded = models.load_vae, []

    def once(source: models.Source, *rest: Any) -> Any:
        loaded.append(source)
        if len(loaded) > 1:
            raise DataprepError("the GPU is out of memory")
        return real(source, *rest)

    monkeypatch.setattr(models, "load_vae", once)
    _, events, report = run(base, root, sample_every_n_epochs=1)
    assert {"event": "note", "text": "no samples: the GPU is out of memory"} in events
    assert report["steps"] == 10


def test_a_stop_cuts_the_drawing_short(base: Path, root: Path) -> None:
    def act(now: Progress, control: Control) -> None:
        if now.note.startswith("drawing") and "(3/" in now.note:
            make_wish(root, "stop")

    progress, events, report = run(base, root, act, sample_every_n_steps=2)
    assert (report["stopped"], report["steps"]) == (True, 2)
    assert not any(event["event"] == "sample" for event in events)
    assert "(4/" not in progress[-1].note
