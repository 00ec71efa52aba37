"""Settings of how long and how fast is learned."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dataprep.settings import Settings
from train.config.kinds import Count, LearningRate, Pairs, Strength

Optimizer = str
SCHEDULES = Literal[
    "constant",
    "constant_with_warmup",
    "linear",
    "cosine",
    "cosine_with_restarts",
    "cosine_with_min_lr",
    "polynomial",
    "inverse_sqrt",
    "warmup_stable_decay",
]


class LearningKeys(Settings):
    """Length, rates, optimizer and schedule."""

    train_batch_size: Count = 1
    """Pictures per step."""
    gradient_accumulation_steps: Count = 1
    """Batches whose gradients make one step together."""
    max_train_epochs: Count | None = None
    """How many times to go through all repeats of all pictures."""
    max_train_steps: Count | None = None
    """How many optimizer steps to take; give either this or the epochs."""
    unet_lr: LearningRate = 1e-4
    """Learning rate of the UNet's LoRA; 0 trains the text encoder only."""
    text_encoder_lr: LearningRate = 5e-5
    """Learning rate of the text encoder's LoRA; 0 trains the UNet only."""
    text_encoder2_lr: LearningRate | None = None
    """Learning rate of SDXL's second text encoder (left out: as text_encoder_lr)."""
    stop_text_encoder_training: Count | None = None
    """The text encoder learns no more after so many steps."""
    loraplus_lr_ratio: Annotated[float, Field(gt=0)] | None = None
    """LoRA+ (arXiv 2402.12354): the up weights learn so many times faster; 16 is usual."""
    loraplus_unet_lr_ratio: Annotated[float, Field(gt=0)] | None = None
    """The same, of the UNet only."""
    loraplus_text_encoder_lr_ratio: Annotated[float, Field(gt=0)] | None = None
    """The same, of the text encoder only."""
    optimizer_type: Annotated[str, Field(min_length=1)] = "AdamW"
    """The optimizer: AdamW, AdamW8bit, PagedAdamW8bit, Lion, Lion8bit, SGDNesterov, Prodigy,
    DAdaptAdam, Adafactor, CAME, AdamWScheduleFree … or a class by its dotted path."""
    optimizer_args: Pairs = ()
    """Arguments of the optimizer, key=value, such as betas=0.9,0.99."""
    weight_decay: Strength = 0.01
    """Decoupled weight decay: weights shrink by lr × this at each step."""
    lr_scheduler: SCHEDULES = "constant"
    """How the learning rate goes on after the warm-up."""
    lr_warmup_steps: Strength = 0
    """Steps over which the learning rate rises from 0 (below 1: share of all steps)."""
    lr_decay_steps: Strength = 0
    """warmup_stable_decay: steps at the end over which it falls (below 1: share of all steps)."""
    lr_scheduler_num_cycles: Count = 1
    """cosine_with_restarts: how many times it falls."""
    lr_scheduler_power: Annotated[float, Field(gt=0)] = 1.0
    """polynomial: 1 is a straight line, 2 falls faster at first."""
    lr_scheduler_timescale: Count | None = None
    """inverse_sqrt: steps after which it falls (left out: the warm-up)."""
    lr_scheduler_min_lr_ratio: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the learning rate that is left at the end, where the schedule knows one."""
    max_grad_norm: Strength = 1.0
    """Gradients longer than this are shortened to it; 0 leaves them."""
    seed: Annotated[int, Field(ge=0)] = 42
    """Everything random follows from it."""
