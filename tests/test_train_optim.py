"""Optimizers: one step each in numbers, state saved and restored, and what is refused."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from dataprep.errors import DataprepError, UsageError
from train import optim
from train.config import TrainConfig
from train.optim.arguments import parse
from train.optim.kinds import KINDS

torch.set_num_threads(1)

ADAPTIVE = ("prodigy", "dadapt")
NAMES = [kind.name for kind in KINDS]
GOLDEN = {
    "AdamW": (2.783380e02, 6.986683e-02),
    "AdamW8bit": (2.780020e02, 6.986683e-02),
    "PagedAdamW": (2.783380e02, 6.986683e-02),
    "PagedAdamW32bit": (2.783380e02, 6.986683e-02),
    "PagedAdamW8bit": (2.780020e02, 6.986683e-02),
    "Lion": (2.794685e02, 6.997900e-02),
    "Lion8bit": (2.793683e02, 6.997900e-02),
    "PagedLion8bit": (2.793683e02, 6.997900e-02),
    "SGDNesterov": (1.258114e00, 2.510064e-02),
    "SGDNesterov8bit": (1.042968e00, 2.090121e-02),
    "DAdaptation": (8.659711e01, 2.140827e-02),
    "DAdaptAdamPreprint": (8.659711e01, 2.140827e-02),
    "DAdaptAdam": (2.850139e01, 7.001978e-03),
    "DAdaptAdaGrad": (1.122859e-02, 3.375244e-06),
    "DAdaptAdan": (3.609591e-01, 8.811211e-05),
    "DAdaptAdanIP": (6.455259e-01, 1.576005e-04),
    "DAdaptLion": (4.424842e-02, 1.080586e-05),
    "DAdaptSGD": (2.917648e-04, 5.865551e-06),
    "Prodigy": (2.635533e00, 6.485753e-04),
    "Adafactor": (2.281064e02, 4.465216e-02),
    "CAME": (4.250204e03, 9.927401e-01),
    "AdamWScheduleFree": (1.693580e02, 4.271450e-02),
    "RAdamScheduleFree": (2.393180e00, 5.847607e-04),
    "SGDScheduleFree": (1.951220e-01, 3.910427e-03),
}
"""After seven steps: the way of all weights of the UNet added up, and of one of the text encoder.
Measured here; those that the papers give by hand are tested beside."""


def config(name: str, **values: Any) -> TrainConfig:
    rate = 1.0 if name.lower().startswith(ADAPTIVE) else 0.01
    return TrainConfig(
        **{
            "pretrained_model_name_or_path": "base",
            "train_data_dir": Path("img"),
            "output_dir": Path("model"),
            "max_train_steps": 10,
            "optimizer_type": name,
            "unet_lr": rate,
            "text_encoder_lr": rate,
            **values,
        }
    )


class Problem:
    """Two matrices, one large enough to be kept in 8 bits, that are drawn to fixed targets."""

    def __init__(self, settings: TrainConfig) -> None:
        source = torch.Generator().manual_seed(0)
        self.unet = torch.nn.Parameter(torch.randn(64, 64, generator=source) / 8)
        self.text = torch.nn.Parameter(torch.zeros(4, 6))
        self.targets = [torch.randn(p.shape, generator=source) for p in (self.unet, self.text)]
        rates = settings.rates
        self.optimizer = optim.create(
            settings,
            [
                _group("unet", self.unet, rates["unet"]),
                _group("text_encoder", self.text, rates["text_encoder"]),
            ],
        )

    def step(self, times: int = 1, factor: float = 1.0) -> None:
        for _ in range(times):
            self.optimizer.zero_grad(set_to_none=True)
            optim.set_lr(self.optimizer, factor)
            pairs = zip((self.unet, self.text), self.targets, strict=True)
            sum((p - goal).square().mean() for p, goal in pairs if p.requires_grad).backward()
            self.optimizer.step()

    def load(self, weights: list[torch.Tensor]) -> None:
        for parameter, value in zip((self.unet, self.text), weights, strict=True):
            parameter.data.copy_(value)

    def weights(self) -> list[torch.Tensor]:
        return [self.unet.detach().clone(), self.text.detach().clone()]


def _group(name: str, parameter: torch.nn.Parameter, lr: float) -> dict[str, Any]:
    return {"name": name, "part": name, "params": [parameter], "lr": lr, "base_lr": lr}


@pytest.mark.parametrize("name", NAMES)
def test_steps_are_as_they_were_measured(name: str) -> None:
    problem = Problem(config(name))
    before = problem.weights()
    problem.step(7)
    unet, text = (after - old for after, old in zip(problem.weights(), before, strict=True))
    whole, one = GOLDEN[name]
    assert unet.abs().sum().item() == pytest.approx(whole, rel=1e-3)
    assert text[1, 2].item() == pytest.approx(one, rel=1e-5)


def test_every_name_has_a_measured_step() -> None:
    assert set(GOLDEN) == set(NAMES)


@pytest.mark.parametrize("name", ["AdamW", "AdamW8bit", "Lion", "Lion8bit"])
def test_the_first_step_goes_the_learning_rate_against_the_sign(name: str) -> None:
    problem = Problem(config(name, weight_decay=0.0))
    old = problem.text.detach().clone()
    problem.step()
    expected = old + 0.01 * problem.targets[1].sign()
    torch.testing.assert_close(problem.text.detach(), expected, rtol=0, atol=1e-6)


def test_nesterov_by_hand() -> None:
    # v = g, then p -= lr·(g + 0.9·v)
    problem = Problem(config("SGDNesterov", weight_decay=0.0))
    gradient = -2 * problem.targets[1] / problem.targets[1].numel()
    problem.step()
    torch.testing.assert_close(problem.text.detach(), -0.01 * 1.9 * gradient)


def test_weight_decay_is_decoupled() -> None:
    problem = Problem(config("AdamW", weight_decay=0.5, unet_lr=0.1, text_encoder_lr=0.1))
    problem.unet.grad, old = torch.zeros_like(problem.unet), problem.unet.detach().clone()
    problem.optimizer.step()
    torch.testing.assert_close(problem.unet.detach(), old * (1 - 0.1 * 0.5))


@pytest.mark.parametrize("name", NAMES)
def test_a_restored_optimizer_goes_on_exactly(name: str) -> None:
    straight = Problem(config(name))
    straight.step(6)

    first = Problem(config(name))
    first.step(3)
    tensors, plain = optim.state(first.optimizer)
    plain = json.loads(json.dumps(plain, allow_nan=False))
    again = Problem(config(name))
    again.load(first.weights())
    optim.restore(again.optimizer, tensors, plain)
    again.step(3)

    for ours, theirs in zip(again.weights(), straight.weights(), strict=True):
        assert torch.equal(ours, theirs)


FREE = ["AdamWScheduleFree", "RAdamScheduleFree", "SGDScheduleFree"]


@pytest.mark.parametrize("name", FREE)
def test_a_rest_shows_averaged_weights_and_leaves_no_trace(name: str) -> None:
    problem, straight = Problem(config(name)), Problem(config(name))
    straight.step(12)
    problem.step(8)
    working = problem.weights()
    with optim.resting(problem.optimizer):
        assert not torch.equal(problem.weights()[0], working[0])
        with optim.resting(problem.optimizer):
            pass
        # what is saved at rest knows the weights that it works with
        tensors, plain = optim.state(problem.optimizer)
        at_rest = problem.weights()
    assert torch.equal(problem.weights()[0], working[0])
    problem.step(4)

    again = Problem(config(name))
    again.load(at_rest)
    optim.restore(again.optimizer, tensors, plain)
    again.step(4)
    for ones in (problem.weights(), again.weights()):
        assert all(torch.equal(a, b) for a, b in zip(ones, straight.weights(), strict=True))


def test_the_average_is_that_of_the_paper() -> None:
    # arXiv 2405.15682 without momentum in y: x is the mean of the z, which plain SGD steps make
    problem = Problem(config("SGDScheduleFree", weight_decay=0.0))
    z, seen = problem.text.detach().clone(), []
    for _ in range(3):
        gradient = 2 * (problem.text.detach() - problem.targets[1]) / problem.text.numel()
        problem.step()
        z = z - 0.01 * gradient
        seen.append(z)
    average = torch.stack(seen).mean(0)
    with optim.resting(problem.optimizer):
        torch.testing.assert_close(problem.text.detach(), average, rtol=1e-4, atol=1e-7)


def test_others_rest_as_they_are() -> None:
    problem = Problem(config("AdamW"))
    problem.step(2)
    working = problem.weights()
    with optim.resting(problem.optimizer):
        assert torch.equal(problem.weights()[0], working[0])


@pytest.mark.parametrize("name", NAMES)
def test_a_frozen_part_stands_still_and_stays_so(name: str) -> None:
    problem = Problem(config(name))
    problem.step(8)
    optim.freeze(problem.optimizer, "text_encoder")
    unet, text = problem.weights()
    problem.step(2)
    assert torch.equal(problem.text.detach(), text)
    assert not torch.equal(problem.unet.detach(), unet)
    assert optim.rates(problem.optimizer)["lr/textencoder"] == 0
    assert optim.rates(problem.optimizer)["lr/unet"] > 0

    again = Problem(config(name))
    optim.restore(again.optimizer, *optim.state(problem.optimizer))
    assert not again.text.requires_grad


def test_rates_follow_the_schedule() -> None:
    settings = config("AdamW", unet_lr=1e-4, text_encoder_lr=5e-5)
    problem = Problem(settings)
    optim.set_lr(problem.optimizer, 0.5)
    assert optim.rates(problem.optimizer) == {"lr/unet": 5e-5, "lr/textencoder": 2.5e-5}


def test_rates_of_prodigy_tell_what_it_found() -> None:
    problem = Problem(config("Prodigy"))
    problem.step(7, factor=0.5)
    rates = optim.rates(problem.optimizer)
    assert rates["lr/unet"] == 0.5
    assert rates["lr/d*lr/unet"] == 0.5 * problem.optimizer.param_groups[0]["d"] > 0.5e-6


def test_relative_step_finds_its_own_rate() -> None:
    settings = config(
        "Adafactor", unet_lr=1, text_encoder_lr=1, optimizer_args="relative_step=True"
    )
    problem = Problem(settings)
    assert optim.rates(problem.optimizer)["lr/unet"] == 0
    problem.step(3)
    # min(0.01, 1/√step), the weights' own size left out (arXiv 1804.04235)
    assert optim.rates(problem.optimizer)["lr/unet"] == pytest.approx(0.01)


def test_names_are_known_in_any_case() -> None:
    assert type(Problem(config("adamw8BIT")).optimizer).__name__ == "AdamW8bit"


@pytest.mark.parametrize("name", ["torch.optim.RAdam", "pytorch_optimizer.Ranger21"])
def test_any_class_by_its_path(name: str) -> None:
    arguments = "num_iterations=20" if "Ranger" in name else "betas=0.8,0.9"
    problem = Problem(config(name, optimizer_args=arguments))
    before = problem.weights()
    problem.step(7)
    assert not torch.equal(problem.weights()[0], before[0])


def test_arguments_are_python_values() -> None:
    texts = ("betas=0.9,0.99", "eps=1e-6", "amsgrad=true", "foreach=None")
    parsed = parse(texts, torch.optim.AdamW, "AdamW")
    assert parsed == {"betas": (0.9, 0.99), "eps": 1e-6, "amsgrad": True, "foreach": None}


def test_arguments_win_over_settings() -> None:
    settings = config("AdamW", optimizer_args=("weight_decay=0.2", "betas=[0.8,0.9]"))
    group = Problem(settings).optimizer.param_groups[0]
    assert (group["weight_decay"], group["betas"]) == (0.2, (0.8, 0.9))


def test_kohya_leaves_what_was_not_set_to_the_optimizer() -> None:
    assert Problem(config("Lion")).optimizer.param_groups[0]["weight_decay"] == 0.01
    group = Problem(config("DAdaptAdam", compat="kohya")).optimizer.param_groups[0]
    assert (group["weight_decay"], group["decouple"]) == (0, False)
    kept = Problem(config("Lion", compat="kohya", weight_decay=0.1)).optimizer
    assert kept.param_groups[0]["weight_decay"] == 0.1


def test_kohya_leaves_adafactor_its_own_rate() -> None:
    problem = Problem(config("Adafactor", compat="kohya"))
    problem.step()
    assert problem.optimizer.param_groups[0]["lr"] is None


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"optimizer_type": "AdamV"}, "unknown optimizer 'AdamV'"),
        ({"optimizer_type": "torch.nn.Linear"}, "is no optimizer"),
        ({"optimizer_args": "beta=0.9,0.99"}, "takes no argument 'beta'"),
        ({"optimizer_args": "betas=0.9"}, "betas must be several numbers"),
        ({"optimizer_args": "eps=small"}, "eps must be a number"),
        ({"optimizer_args": "amsgrad=1"}, "amsgrad must be True or False"),
        ({"optimizer_args": "eps=1e-"}, "is no value"),
        ({"optimizer_args": "betas=0.9,1.5"}, "Invalid beta parameter"),
        ({"optimizer_args": "lr=1"}, "lr is not given here"),
        ({"optimizer_args": ("eps=1", "eps=2")}, "given twice"),
        ({"optimizer_type": "Prodigy", "unet_lr": 1, "text_encoder_lr": 0.5}, "one learning rate"),
        (
            {"optimizer_type": "Adafactor", "optimizer_args": "relative_step=True"},
            "finds the learning rate itself",
        ),
        (
            {
                "optimizer_type": "Adafactor",
                "optimizer_args": "relative_step=True",
                "unet_lr": 1,
                "text_encoder_lr": 1,
                "lr_scheduler": "cosine",
            },
            "a schedule of its own",
        ),
        ({"optimizer_type": "Adafactor", "optimizer_args": "warmup_init=True"}, "cannot be made"),
        ({"optimizer_type": "pytorch_optimizer.Lion", "optimizer_args": "cautios=True"}, "cautios"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence.replace("(", ".")):
        Problem(config("AdamW", **values))


def test_the_nearest_name_is_told() -> None:
    with pytest.raises(UsageError, match="did you mean Prodigy"):
        Problem(config("Prodgy"))


def test_an_argument_that_a_class_only_reads_is_taken() -> None:
    settings = config("pytorch_optimizer.Lion", optimizer_args="cautious=True")
    assert Problem(settings).optimizer.param_groups[0]["cautious"] is True


def test_a_missing_package_is_named() -> None:
    with pytest.raises(DataprepError, match="pip install no-such-package"):
        Problem(config("no_such_package.Optimizer"))


def test_a_low_rate_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "train"):
        Problem(config("Prodigy", unet_lr=1e-4, text_encoder_lr=1e-4))
        Problem(config("SGDNesterov8bit"))
        Problem(config("AdamWScheduleFree", lr_scheduler="cosine"))
    assert "hardly moves" in caplog.text
    assert "plain momentum" in caplog.text
    assert "needs no schedule" in caplog.text


def test_nothing_is_printed_where_events_go(capsys: pytest.CaptureFixture[str]) -> None:
    Problem(config("Prodigy"))
    assert capsys.readouterr().out == ""


def test_a_state_of_another_run_is_refused() -> None:
    problem = Problem(config("AdamW"))
    problem.step()
    tensors, plain = optim.state(problem.optimizer)
    with pytest.raises(DataprepError, match="of the optimizer AdamW"):
        optim.restore(Problem(config("Lion")).optimizer, tensors, plain)
    plain["shapes"][0] = [3, 3]
    with pytest.raises(DataprepError, match="of other sizes"):
        optim.restore(problem.optimizer, tensors, plain)


def test_what_is_set_is_taken_from_the_new_run() -> None:
    problem = Problem(config("Prodigy"))
    problem.step(3)
    again = Problem(config("Prodigy", weight_decay=0.5))
    optim.restore(again.optimizer, *optim.state(problem.optimizer))
    group, old = again.optimizer.param_groups[0], problem.optimizer.param_groups[0]
    assert group["weight_decay"] == 0.5
    assert (group["d"], group["k"]) == (old["d"], 3)
    assert math.isinf(group["growth_rate"])
