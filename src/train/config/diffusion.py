"""Settings of noise and loss."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dataprep.settings import Settings
from train.config.kinds import Every, Rate, Strength


class DiffusionKeys(Settings):
    """Which noise is added, and how the answer is judged."""

    min_snr_gamma: Annotated[float, Field(gt=0)] | None = None
    """Weight of easy timesteps (min-SNR, arXiv 2303.09556); 5 is usual, left out: off."""
    debiased_estimation_loss: bool = False
    """Weight by 1/√SNR (arXiv 2310.08442)."""
    scale_v_pred_loss_like_noise_pred: bool = False
    """Weight the loss of a v-prediction model as if it predicted noise."""
    v_pred_like_loss: Strength = 0.0
    """Adds so much of the loss as v-prediction would weigh it, for models that predict noise; 0:
    off."""
    noise_offset: Strength = 0.0
    """Adds a constant per picture and channel to the noise, for darker darks; 0: off."""
    noise_offset_random_strength: bool = False
    """Draw the strength of the noise offset between 0 and noise_offset."""
    adaptive_noise_scale: float | None = None
    """Adds this × the mean of the latents to the strength of the noise offset."""
    multires_noise_iterations: Every = 0
    """Levels of coarser noise that are added (pyramid noise); 6 to 10 are usual, 0: off."""
    multires_noise_discount: Rate = 0.3
    """How much weaker each coarser level is."""
    ip_noise_gamma: Strength = 0.0
    """Perturbs the noisy input by this much more noise (arXiv 2301.11706); 0.1 is usual, 0: off."""
    ip_noise_gamma_random_strength: bool = False
    """Draw the strength between 0 and ip_noise_gamma."""
    min_timestep: Annotated[int, Field(ge=0, le=999)] = 0
    """Lowest timestep that is drawn."""
    max_timestep: Annotated[int, Field(ge=1, le=1000)] = 1000
    """Timesteps drawn are below this."""
    loss_type: Literal["l2", "l1", "huber", "smooth_l1"] = "l2"
    """How the distance to the target is measured."""
    huber_schedule: Literal["constant", "exponential", "snr"] = "snr"
    """How huber_c goes with the timestep (arXiv 2403.16728)."""
    huber_c: Annotated[float, Field(gt=0)] = 0.1
    """Where huber and smooth_l1 go over from square to straight, at the noisiest timestep."""
    huber_scale: Annotated[float, Field(gt=0)] = 1.0
    """huber_c at the least noisy timestep, with the exponential schedule."""
