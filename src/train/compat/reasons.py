"""Options of sd-scripts that become no key of ours, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping

from train.compat.translation import Translation

ATTENTION = "attention is torch's own, which needs no switch"
LOADING = "pictures are encoded before the first step, so no loaders wait"
UPLOAD = "nothing is uploaded"
DEEPSPEED = "one GPU, without DeepSpeed"
ONE_GPU = "one GPU is used"
TEXTS = "captions are encoded at each step, so that they can vary"
COMPILE = "nothing is compiled: a LoRA's run is over before that pays"
CONSOLE = "the run keeps its own log"
ACCELERATE = "accelerate is not used"
NO_PART = "is no part of training a LoRA for Stable Diffusion"
GUI = "for the window that wrote the file only"

IGNORED: Mapping[str, str] = {
    "console_log_level": CONSOLE,
    "console_log_file": CONSOLE,
    "console_log_simple": CONSOLE,
    "tokenizer_cache_dir": "tokenizers come with the base model or from the Hub's cache",
    "cache_info": "the pictures are looked at anew at each start",
    "cache_latents": "latents are always cached",
    "skip_cache_check": "a cache is taken only for the picture and base model that it was made of",
    "dataset_repeats": "it is for in_json; repeats of a folder stand in its name",
    "mem_eff_attn": ATTENTION,
    "xformers": ATTENTION,
    "sdpa": ATTENTION,
    "max_data_loader_n_workers": LOADING,
    "persistent_data_loader_workers": LOADING,
    "lowram": "weights are read part by part",
    "highvram": "memory is not given back within an epoch anyway",
    "ddp_timeout": ONE_GPU,
    "ddp_gradient_as_bucket_view": ONE_GPU,
    "ddp_static_graph": ONE_GPU,
    "dynamo_backend": COMPILE,
    "log_tracker_config": "wandb and TensorBoard are used as they are",
    "log_config": "the settings are in every LoRA file",
    "wandb_api_key": "log in with `wandb login`; a key does not belong in a file",
    "sample_sampler": "samples are drawn with DDIM",
    "config_file": "its keys were read along",
    "output_config": "--print-config shows the settings",
    "cache_text_encoder_outputs": TEXTS,
    "cache_text_encoder_outputs_to_disk": TEXTS,
    "disable_mmap_load_safetensors": "files are read as they fit",
    "fused_backward_pass": "the gradients of a LoRA are small",
    "cpu_offload_checkpointing": "gradient_checkpointing keeps little as it is",
    "huggingface_repo_id": UPLOAD,
    "huggingface_repo_type": UPLOAD,
    "huggingface_path_in_repo": UPLOAD,
    "huggingface_token": UPLOAD,
    "huggingface_repo_visibility": UPLOAD,
    "save_state_to_huggingface": UPLOAD,
    "async_upload": UPLOAD,
    "zero_stage": DEEPSPEED,
    "offload_optimizer_device": DEEPSPEED,
    "offload_optimizer_nvme_path": DEEPSPEED,
    "offload_param_device": DEEPSPEED,
    "offload_param_nvme_path": DEEPSPEED,
    "zero3_init_flag": DEEPSPEED,
    "zero3_save_16bit_model": DEEPSPEED,
    "fp16_master_weights_and_gradients": DEEPSPEED,
    "num_cpu_threads_per_process": ACCELERATE,
    "num_processes": ACCELERATE,
    "num_machines": ACCELERATE,
    "main_process_port": ACCELERATE,
    "dynamo_mode": COMPILE,
    "dynamo_use_dynamic": COMPILE,
    "dynamo_use_fullgraph": COMPILE,
    "extra_accelerate_launch_args": ACCELERATE,
    "gpu_ids": "choose a GPU with CUDA_VISIBLE_DEVICES",
}
"""They change nothing of what is learned, or are done in any case."""

FINE_TUNING = "is for training the whole model"
VALIDATION = "no pictures are held back for validation"
STATES = "its states are of another make; network_weights goes on from its LoRA file"

REFUSED: Mapping[str, str] = {
    "metadata_thumbnail": "no picture is written into the file",
    "metadata_merged_from": "is not written into the file",
    "metadata_preprocessor": "is not written into the file",
    "metadata_is_negative_embedding": "is not written into the file",
    "face_crop_aug_range": "no cut around faces at training; crop the pictures before",
    "debug_dataset": "dataprep train --show-captions shows what each step sees",
    "resize_interpolation": "pictures are resampled once, by area or Lanczos",
    "dataset_class": "a data set is a folder, not Python code",
    "in_json": "captions are read from the files beside the pictures",
    "resume_from_huggingface": STATES,
    "resume": STATES,
    "torch_compile": COMPILE,
    "full_fp16": "what is learned stays in float32",
    "full_bf16": "what is learned stays in float32",
    "fp8_base": "the base model is kept in the format of mixed_precision",
    "fp8_base_unet": "the base model is kept in the format of mixed_precision",
    "deepspeed": DEEPSPEED,
    "lr_scheduler_args": "schedules take the keys lr_scheduler_… only",
    "lr_scheduler_type": "a schedule is one of those by name",
    "skip_until_initial_step": "a run goes on by resume",
    "initial_epoch": "a run goes on by resume",
    "initial_step": "a run goes on by resume",
    "validation_seed": VALIDATION,
    "validation_split": VALIDATION,
    "validate_every_n_steps": VALIDATION,
    "validate_every_n_epochs": VALIDATION,
    "max_validation_steps": VALIDATION,
    "multi_gpu": ONE_GPU,
    "lowvram": "parts of the model do not change places with the CPU",
    "no_token_padding": "captions are filled up to full length, as every program that draws does",
    "model_list": "name one base model",
    "learning_rate_te": FINE_TUNING,
    "learning_rate_te1": FINE_TUNING,
    "learning_rate_te2": FINE_TUNING,
    "block_lr": FINE_TUNING,
    "fused_optimizer_groups": FINE_TUNING,
}
"""They would change what is learned or written, and are not done."""

OFF = (False, 0, 0.0, "0", "false", "none", "no", "default")


def apply(sheet: Translation) -> None:
    """A word for every option that becomes no key."""
    for option, reason in IGNORED.items():
        if option not in sheet.done and sheet.has(option):
            sheet.ignore(option, reason)
    for option, reason in REFUSED.items():
        if option not in sheet.done and sheet.has(option):
            given = sheet.options[option]
            is_off = (given.lower() if isinstance(given, str) else given) in OFF
            if is_off:
                sheet.ignore(option, "off")
            else:
                sheet.refuse(option, reason)
