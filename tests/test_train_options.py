"""Settings of learning, noise, captions and pictures: each reaches the loop and does what it says.

Runs of two or three steps on a tiny base; what a setting does is seen in losses and weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_base
import torch
from PIL import Image
from test_train_trackers import scalars
from tiny_runs import MIDDLE, RATES, SHORT, UNET, equal, run

from dataprep.errors import UsageError
from train import text
from train.config.learning import SCHEDULES
from train.families import Family
from train.lora_file.about import NEEDED
from train.networks.lora import LoRALayer
from train.optim.kinds import KINDS

VELOCITY = "v_prediction"
Bases = Callable[..., Path]


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    def base(family: Family = "sd1", prediction: str = "epsilon") -> Path:
        return tiny_base.shared(tmp_path_factory, family, prediction)

    return base


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny_base.paint(tmp_path / "img" / "2_thing", 2)
    return tmp_path


# How is learned


def test_two_batches_of_one_are_one_batch_of_two(bases: Bases, root: Path) -> None:
    (root / "img" / "2_thing").rename(root / "img" / "1_thing")
    plain = {**UNET, "optimizer_type": "SGDNesterov", "unet_lr": 1.0, "max_train_steps": 3}
    whole = run(bases(), root, **plain, train_batch_size=2)
    parts = run(bases(), root, **plain, train_batch_size=1, gradient_accumulation_steps=2)
    assert parts.losses == pytest.approx(whole.losses, rel=1e-5)
    moved = parts.weights
    for key, value in whole.weights.items():
        torch.testing.assert_close(moved[key], value, rtol=1e-3, atol=1e-6)
    single = run(bases(), root, **plain, train_batch_size=1)
    assert single.losses != pytest.approx(whole.losses, rel=1e-5)


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_checkpointing_computes_twice_and_learns_the_same(
    bases: Bases, root: Path, family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropouts = {"network_dropout": 0.3, "rank_dropout": 0.3, "module_dropout": 0.3}
    plain = {**SHORT, "network_type": "dylora", "network_dim": 4, **dropouts}
    calls: list[LoRALayer] = []
    ours = LoRALayer.forward

    def counted(layer: LoRALayer, *arguments: Any) -> torch.Tensor:
        calls.append(layer)
        return ours(layer, *arguments)

    monkeypatch.setattr(LoRALayer, "forward", counted)
    once = run(bases(family), root, **plain)
    called = len(calls)
    calls.clear()
    twice = run(bases(family), root, **plain, gradient_checkpointing=True)
    # what stands last in a block need not be computed again
    assert 1.8 * called < len(calls) <= 2 * called
    assert twice.losses == once.losses
    assert equal(once, twice)


@pytest.mark.parametrize(("family", "prefixes"), [("sd1", ["te_"]), ("sdxl", ["te1_", "te2_"])])
def test_the_text_encoder_stands_still_from_a_step_on(
    bases: Bases, root: Path, family: Family, prefixes: list[str]
) -> None:
    stopping = {**SHORT, "optimizer_type": "Prodigy", "unet_lr": 1.0, "text_encoder_lr": 1.0}
    first = run(bases(family), root, **{**stopping, "max_train_steps": 1})
    before = {prefix: first.of(f"lora_{prefix}") for prefix in [*prefixes, "unet_"]}
    later = run(bases(family), root, **{**stopping, "max_train_steps": 3}, **STOP)
    rates = [now.facts["lr_text_encoder"] for now in later.training]
    assert [rate > 0 for rate in rates] == [True, False, False]
    for prefix, was in before.items():
        same = all(
            torch.equal(was[key], value) for key, value in later.of(f"lora_{prefix}").items()
        )
        assert was
        assert same == (prefix != "unet_")


STOP = {"stop_text_encoder_training": 1}


def test_nothing_left_to_learn_is_said(bases: Bases, root: Path) -> None:
    with pytest.raises(ValueError, match="stop_text_encoder_training with unet_lr = 0: nothing"):
        run(bases(), root, **SHORT, unet_lr=0, **STOP)
    assert run(bases(), root, **SHORT, unet_lr=0, stop_text_encoder_training=2).losses


def test_a_step_in_which_every_module_drops_out(bases: Bases, root: Path) -> None:
    trained = run(bases(), root, **{**UNET, "max_train_steps": 6}, module_dropout=1 - 1e-6)
    assert len(trained.losses) == 6
    assert not any(value.any() for key, value in trained.weights.items() if "lora_up" in key)


RATE = 1e-2
FASTEST: dict[str, tuple[Family, dict[str, Any], dict[str, float]]] = {
    "unet only": ("sd1", {"text_encoder_lr": 0}, {"unet": RATE}),
    "text encoder only": ("sd1", {"unet_lr": 0}, {"te": RATE}),
    "sdxl": ("sdxl", {"text_encoder_lr": 2e-3}, {"unet": RATE, "te1": 2e-3, "te2": 2e-3}),
    "text_encoder2_lr": (
        "sdxl",
        {"text_encoder2_lr": 3e-3},
        {"unet": RATE, "te1": RATE, "te2": 3e-3},
    ),
    "second text encoder only": (
        "sdxl",
        {"unet_lr": 0, "text_encoder_lr": 0, "text_encoder2_lr": 3e-3},
        {"te2": 3e-3},
    ),
    "LoRA+": ("sd1", {"loraplus_lr_ratio": 8}, {"unet": 8 * RATE, "te": 8 * RATE}),
    "LoRA+ of each": (
        "sd1",
        {"loraplus_unet_lr_ratio": 4, "loraplus_text_encoder_lr_ratio": 2},
        {"unet": 4 * RATE, "te": 2 * RATE},
    ),
}


@pytest.mark.parametrize("name", FASTEST)
def test_rates_of_parts(bases: Bases, root: Path, name: str) -> None:
    family, values, wanted = FASTEST[name]
    trained = run(bases(family), root, **{**SHORT, "max_train_steps": 1, **values})
    # Adam's first step moves what has a gradient by the learning rate itself
    fastest: dict[str, float] = {}
    for key, value in trained.weights.items():
        if "lora_up" in key:
            part = key.split("_")[1]
            fastest[part] = max(fastest.get(part, 0.0), value.abs().max().item())
    assert fastest == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_optimizer_learns(bases: Bases, root: Path, kind: Any) -> None:
    rate = 1.0 if kind.name.lower().startswith(("prodigy", "dadapt", "sgd")) else 1e-3
    rates = {"unet_lr": rate, "text_encoder_lr": rate}
    # this one does not move before its sixth step
    steps = 6 if kind.name == "RAdamScheduleFree" else 3
    values = {**SHORT, **MIDDLE, "max_train_steps": steps, **rates}
    trained = run(bases(), root, **values, optimizer_type=kind.name)
    assert all(math.isfinite(loss) for loss in trained.losses)
    ups = [value for key, value in trained.weights.items() if "lora_up" in key]
    assert all(value.isfinite().all() for value in ups)
    assert all(value.any() for value in ups)


@pytest.mark.parametrize("name", SCHEDULES.__args__)
def test_every_schedule(bases: Bases, root: Path, name: str) -> None:
    values = {**UNET, "max_train_steps": 4, "lr_warmup_steps": 1, "lr_decay_steps": 2}
    trained = run(bases(), root, **values, lr_scheduler=name)
    rates = [now.facts["lr"] / RATES["unet_lr"] for now in trained.training]
    assert rates[0] == 0.5
    assert rates[1] == 1
    assert (rates[-1] < 1) == (not name.startswith("constant"))


# Noise and loss

NOISES: list[dict[str, Any]] = [
    {},
    {"noise_offset": 0.2},
    {"noise_offset": 0.2, "noise_offset_random_strength": True},
    {"noise_offset": 0.2, "adaptive_noise_scale": 0.1},
    {"multires_noise_iterations": 3},
    {"multires_noise_iterations": 3, "multires_noise_discount": 0.8},
    {"ip_noise_gamma": 0.2},
    {"ip_noise_gamma": 0.2, "ip_noise_gamma_random_strength": True},
    {"loss_type": "l1"},
    {"loss_type": "huber", "huber_schedule": "snr"},
    {"loss_type": "huber", "huber_schedule": "exponential"},
    {"loss_type": "huber", "huber_schedule": "constant"},
    {"loss_type": "huber", "huber_schedule": "constant", "huber_c": 0.2},
    {"loss_type": "huber", "huber_schedule": "constant", "huber_scale": 3},
    {"loss_type": "smooth_l1"},
    {"min_snr_gamma": 1e-3},
    {"debiased_estimation_loss": True},
    {"v_pred_like_loss": 0.5},
]
NOISES_OF_VELOCITY: list[dict[str, Any]] = [
    {},
    {"min_snr_gamma": 1e-3},
    {"scale_v_pred_loss_like_noise_pred": True},
    {"zero_terminal_snr": True},
    {"zero_terminal_snr": True, "min_timestep": 999},
]


@pytest.mark.parametrize(
    ("prediction", "settings"), [("epsilon", NOISES), (VELOCITY, NOISES_OF_VELOCITY)]
)
def test_each_noise_and_each_loss_is_another(
    bases: Bases, root: Path, prediction: str, settings: list[dict[str, Any]]
) -> None:
    def losses(values: dict[str, Any]) -> tuple[float, ...]:
        seen = run(bases("sd1", prediction), root, **{**UNET, "train_batch_size": 1}, **values)
        assert all(math.isfinite(loss) and loss > 0 for loss in seen.losses)
        return tuple(seen.losses)

    found = [losses(values) for values in settings]
    assert len(set(found)) == len(found)
    assert losses(settings[-1]) == found[-1]


@pytest.mark.parametrize(
    "values", [{"zero_terminal_snr": True}, {"scale_v_pred_loss_like_noise_pred": True}]
)
def test_what_needs_velocity_says_so(bases: Bases, root: Path, values: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="v-prediction"):
        run(bases(), root, **UNET, **values)


def test_timesteps_are_drawn_between(
    bases: Bases, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    ours = text.ask

    def asked(base: Any, noisy: Any, timesteps: torch.Tensor, *rest: Any) -> torch.Tensor:
        seen.extend(timesteps.tolist())
        return ours(base, noisy, timesteps, *rest)

    monkeypatch.setattr(text, "ask", asked, raising=False)
    run(bases(), root, **{**UNET, "max_train_steps": 8}, min_timestep=200, max_timestep=210)
    assert len(seen) == 16
    assert set(seen) <= set(range(200, 210))
    assert len(set(seen)) > 4


# The run


def test_half_precision(bases: Bases, root: Path) -> None:
    full = run(bases("sdxl"), root, **SHORT)
    half = run(bases("sdxl"), root, **SHORT, mixed_precision="bf16")
    assert half.losses != full.losses
    assert half.losses == pytest.approx(full.losses, rel=0.03)
    assert all(value.isfinite().all() for value in half.weights.values())


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
def test_as_kohya_does(bases: Bases, root: Path, family: Family) -> None:
    prediction = VELOCITY if family == "sd2" else "epsilon"
    values = {**SHORT, "lr_scheduler": "cosine", "lr_warmup_steps": 1, "flip_aug": True}
    trained = run(bases(family, prediction), root, **values, compat="kohya")
    assert all(math.isfinite(loss) for loss in trained.losses)
    # as theirs, the first step of a warm-up learns nothing
    assert [now.facts["lr"] for now in trained.training] == [0, RATES["unet_lr"]]
    (shape,) = {v.ndim for k, v in trained.weights.items() if "proj_in.lora_up" in k}
    assert shape == (2 if family == "sdxl" else 4)


def test_samples_of_their_own_size_leave_the_training_alone(bases: Bases, root: Path) -> None:
    plain = run(bases("sdxl"), root, **SHORT)
    before = plain.path.read_bytes()
    drawn = run(
        bases("sdxl"),
        root,
        **SHORT,
        sample_every_n_steps=1,
        sample_at_first=True,
        sample_prompts=["zumi --n blue --w 96 --h 64 --s 2 --d 7", "red circle --s 1"],
    )
    assert drawn.losses == plain.losses
    assert drawn.path.read_bytes() == before
    sizes = {path.name: Image.open(path).size for path in (root / "model" / "sample").iterdir()}
    assert sizes == {
        f"{step:06d}_{number}.png": size
        for step in (0, 1, 2)
        for number, size in enumerate([(96, 64), (64, 64)])
    }
    (first, *_), last = (
        sorted((root / "model" / "sample").glob(f"*{end}")) for end in ("0_0.png", "2_0.png")
    )
    assert "Negative prompt: blue" in Image.open(first).info["parameters"]
    assert first.read_bytes() != last[0].read_bytes()


def test_charts_and_bare_files(bases: Bases, root: Path) -> None:
    trained = run(
        bases(), root, **SHORT, logging_dir=root / "log", log_prefix="a_", no_metadata=True
    )
    (folder,) = (root / "log").glob("a_*/network_train")
    told = scalars(folder)
    assert [step for step, _ in told] == [1, 2]
    assert [values["loss/current"] for _, values in told] == pytest.approx(trained.losses)
    assert told[0][1]["lr/unet"] == pytest.approx(RATES["unet_lr"])
    hashes = {"sshs_model_hash", "sshs_legacy_hash"}
    assert set(trained.about) - hashes == set(NEEDED)
