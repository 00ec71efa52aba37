"""Noise and samplers against their formulas and against diffusers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler

from train import noise, sample
from train.config import TrainConfig
from train.seeds import uniform

ABAR = DDPMScheduler(
    beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"
).alphas_cumprod


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def settings(**values: Any) -> TrainConfig:
    return TrainConfig(
        pretrained_model_name_or_path="base",
        train_data_dir=Path("img"),
        output_dir=Path("model"),
        max_train_steps=10,
        **values,
    )


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
    drawn = torch.tensor([noise.timestep(0, 1000, 42, "timestep", n) for n in range(5000)]).float()
    assert 0 <= drawn.min() < 10
    assert 990 <= drawn.max() <= 999
    assert abs(drawn.mean() - 499.5) < 15


def test_timesteps_stay_between_their_bounds() -> None:
    drawn = {noise.timestep(200, 203, 42, "timestep", n) for n in range(100)}
    assert drawn == {200, 201, 202}


def test_todays_draws_are_those_of_before() -> None:
    # a run that is repeated sees what it saw
    assert noise.timestep(0, 1000, 42, "timestep", 3, "a.png", 0) == 792
    drawn = noise.gaussian((4, 8, 8), 42, "noise", 3, "a.png", 0, offset=0.1)
    assert drawn[0, 0, :3].tolist() == pytest.approx([-0.788053, 0.531766, 2.060539], abs=1e-6)


def test_plain_noise_is_what_is_asked_for() -> None:
    latents = random(4, 8, 12)
    plain, perturbed = noise.drawn(settings(), latents, 42, "noise", 3, "a.png", 0)
    assert plain is perturbed
    assert torch.equal(plain, noise.gaussian((4, 8, 12), 42, "noise", 3, "a.png", 0))
    shifted, _ = noise.drawn(settings(noise_offset=0.1), latents, 42, "noise", 3, "a.png", 0)
    expected = noise.gaussian((4, 8, 12), 42, "noise", 3, "a.png", 0, offset=0.1)
    assert torch.equal(shifted, expected)


def offset_of(latents: torch.Tensor, **values: Any) -> torch.Tensor:
    """What an offset adds to the noise, by channel."""
    plain, _ = noise.drawn(settings(), latents, 42, "n")
    shifted, _ = noise.drawn(settings(**values), latents, 42, "n")
    return (shifted - plain).mean((1, 2))


def test_the_strength_of_an_offset_may_be_drawn() -> None:
    latents = random(4, 8, 8)
    whole = offset_of(latents, noise_offset=0.1)
    part = offset_of(latents, noise_offset=0.1, noise_offset_random_strength=True)
    share = part / whole
    torch.testing.assert_close(share, share[:1].expand(4), rtol=1e-3, atol=0)
    assert 0 < share[0] < 1
    drawn = [uniform(42, n, "noise_offset") for n in range(500)]
    assert abs(sum(drawn) / 500 - 0.5) < 0.05


def test_an_offset_grows_with_the_mean_of_the_latents() -> None:
    latents = torch.stack([torch.full((8, 8), value) for value in (0.0, 1.0, -2.0, 4.0)])
    whole = offset_of(latents, noise_offset=0.1)
    grown = offset_of(latents, noise_offset=0.1, adaptive_noise_scale=0.05)
    # |mean| × 0.05 more, of 0.1
    expected = whole * torch.tensor([1.0, 1.5, 2.0, 3.0])
    torch.testing.assert_close(grown, expected, rtol=1e-3, atol=1e-6)
    never_negative = offset_of(latents, noise_offset=0.1, adaptive_noise_scale=-0.05)
    expected = whole * torch.tensor([1.0, 0.5, 0.0, 0.0])
    torch.testing.assert_close(never_negative, expected, rtol=1e-3, atol=1e-6)


def test_coarser_noise_is_added_at_unit_variance() -> None:
    plain = noise.gaussian((4, 64, 64), 42, "n")
    coarse = noise.multires(plain, 6, 0.8, 42, "n")
    assert coarse.std() == pytest.approx(1, abs=1e-5)
    assert torch.equal(coarse, noise.multires(plain, 6, 0.8, 42, "n"))
    # neighbours of white noise have nothing in common, those of coarser noise do

    def kinship(of: torch.Tensor) -> float:
        return float((of[:, :, 1:] * of[:, :, :-1]).mean())

    assert abs(kinship(plain)) < 0.05
    assert kinship(coarse) > 0.15
    # the first level is as fine as the noise itself
    once = noise.multires(plain, 1, 0.3, 42, "n")
    assert abs(kinship(once)) < 0.05


def test_coarser_noise_ends_at_one_pixel() -> None:
    plain = noise.gaussian((4, 8, 8), 42, "n")
    # 8 / 2³ is 1: no more than four levels
    assert torch.equal(
        noise.multires(plain, 5, 0.5, 42, "n"), noise.multires(plain, 50, 0.5, 42, "n")
    )


def test_input_perturbation_leaves_the_target() -> None:
    latents = random(4, 32, 32)
    plain, perturbed = noise.drawn(settings(ip_noise_gamma=0.1), latents, 42, "n")
    assert torch.equal(plain, noise.gaussian((4, 32, 32), 42, "n"))
    more = perturbed - plain
    assert more.std() == pytest.approx(0.1, rel=0.05)
    assert abs((more * plain).mean()) < 0.01
    values = {"ip_noise_gamma": 0.1, "ip_noise_gamma_random_strength": True}
    _, weaker = noise.drawn(settings(**values), latents, 42, "n")
    share = uniform(42, "n", "ip_noise_gamma")
    torch.testing.assert_close(weaker - plain, more * share, rtol=1e-3, atol=1e-6)


def test_in_pure_noise_velocity_still_tells_the_picture() -> None:
    x0, e, zero = random(1, 4, 8, 8), random(1, 4, 8, 8, seed=1), torch.zeros(1)
    noisy = noise.add_noise(x0, e, zero)
    assert torch.equal(noisy, e)
    again, e_again = noise.clean(noisy, noise.velocity(x0, e, zero), zero, "v_prediction")
    assert torch.equal(again, x0)
    assert torch.equal(e_again, e)


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
