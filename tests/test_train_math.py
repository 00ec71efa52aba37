"""Noise, losses, schedules and samplers against their formulas and against diffusers."""

from __future__ import annotations

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler

from train import loss, noise, sample, schedule
from train.optim import OPTIMIZERS, group, set_lr

ABAR = DDPMScheduler(
    beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"
).alphas_cumprod


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_forward_diffusion_is_that_of_diffusers(kind: str) -> None:
    scheduler = DDPMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        prediction_type=kind,
    )
    x0, e, t = random(3, 4, 8, 8), random(3, 4, 8, 8, seed=1), torch.tensor([0, 500, 999])
    noisy = noise.add_noise(x0, e, ABAR[t])
    torch.testing.assert_close(noisy, scheduler.add_noise(x0, e, t))
    velocity = noise.velocity(x0, e, ABAR[t])
    torch.testing.assert_close(velocity, scheduler.get_velocity(x0, e, t))
    output = velocity if kind == "v_prediction" else e
    again, e_again = noise.clean(noisy, output, ABAR[t].view(-1, 1, 1, 1), kind)
    torch.testing.assert_close(again, x0, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(e_again, e, rtol=1e-3, atol=1e-4)


def test_noise_belongs_to_its_keys() -> None:
    once = noise.gaussian((4, 8, 8), 42, "noise", 3, "a.png", 0)
    assert torch.equal(once, noise.gaussian((4, 8, 8), 42, "noise", 3, "a.png", 0))
    assert not torch.equal(once, noise.gaussian((4, 8, 8), 42, "noise", 4, "a.png", 0))
    shifted = noise.gaussian((4, 8, 8), 42, "noise", 3, "a.png", 0, offset=0.1)
    difference = (shifted - once).flatten(1)
    torch.testing.assert_close(difference.std(1), torch.zeros(4), atol=1e-6, rtol=0)
    assert difference.mean(1).abs().max() > 0.01


def test_timesteps_are_uniform() -> None:
    drawn = torch.tensor([noise.timestep(1000, 42, "timestep", n) for n in range(5000)]).float()
    assert 0 <= drawn.min() < 10
    assert 990 <= drawn.max() <= 999
    assert abs(drawn.mean() - 499.5) < 15


def test_l2_is_one_value_per_picture() -> None:
    a, b = random(3, 4, 8, 8), random(3, 4, 8, 8, seed=1)
    torch.testing.assert_close(loss.l2(a, b), ((a - b) ** 2).mean((1, 2, 3)))


def test_min_snr_weights() -> None:
    abar = torch.tensor([0.99, 0.5, 0.01, 0.0])
    snr = [99.0, 1.0, 0.01 / 0.99, 0.0]
    expected = torch.tensor([5 / 99, 1.0, 1.0, 1.0])
    torch.testing.assert_close(loss.min_snr_weight(abar, 5), expected)
    velocity = torch.tensor([min(s, 5) / (s + 1) for s in snr])
    torch.testing.assert_close(loss.min_snr_weight(abar, 5, "v_prediction"), velocity)


def test_schedules() -> None:
    assert [schedule.factor("constant", step, 10) for step in (0, 9)] == [1, 1]
    warm = [schedule.factor("constant", step, 10, warmup=3) for step in range(5)]
    assert warm == [0.25, 0.5, 0.75, 1, 1]
    assert schedule.factor("cosine", 0, 10) == 1
    assert schedule.factor("cosine", 5, 10) == pytest.approx(0.5)
    assert 0 < schedule.factor("cosine", 9, 10) < 0.03
    assert schedule.factor("cosine", 2, 12, warmup=2) == 1


def test_groups_keep_their_own_learning_rates() -> None:
    a, b = torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(2))
    optimizer = OPTIMIZERS["AdamW"]([group("unet", [a], 1e-2), group("te", [b], 1e-3)], 0.0)
    set_lr(optimizer, 0.5)
    for parameter in (a, b):
        parameter.grad = torch.ones(2)
    optimizer.step()
    torch.testing.assert_close(a.detach(), torch.full((2,), -5e-3))
    torch.testing.assert_close(b.detach(), torch.full((2,), -5e-4))


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("steps", [4, 20, 50])
def test_ddim_is_that_of_diffusers(kind: str, steps: int) -> None:
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=True,
        timestep_spacing="trailing",
        prediction_type=kind,
    )
    scheduler.set_timesteps(steps)
    timesteps = sample.spaced_timesteps(steps, 1000)
    assert timesteps == scheduler.timesteps.tolist()

    def model(x: torch.Tensor, t: int) -> torch.Tensor:
        return (x * 0.9 + t / 5000).sin()

    theirs = start = random(2, 4, 8, 8)
    for t in scheduler.timesteps:
        theirs = scheduler.step(model(theirs, int(t)), t, theirs).prev_sample
    *_, ours = sample.ddim(model, start, timesteps, ABAR, kind)
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def test_initial_noise_is_of_the_seed_alone() -> None:
    both = sample.start([7, 8], (4, 8, 8))
    assert torch.equal(both[1], sample.start([8], (4, 8, 8))[0])
