"""Keys of JSON files that windows write: which option each becomes, and which are theirs alone."""

from __future__ import annotations

from collections.abc import Mapping

GUI_NAMES: Mapping[str, str] = {
    "max_resolution": "resolution",
    "optimizer": "optimizer_type",
    "lora_network_weights": "network_weights",
    "sdxl_no_half_vae": "no_half_vae",
    "sdxl_cache_text_encoder_outputs": "cache_text_encoder_outputs",
}
"""Keys that kohya_ss and LoRA_Easy call otherwise than sd-scripts."""

EASY_NAMES: Mapping[str, str] = {
    "base_model": "pretrained_model_name_or_path",
    "img_folder": "train_data_dir",
    "reg_img_folder": "reg_data_dir",
    "output_folder": "output_dir",
    "change_output_name": "output_name",
    "log_dir": "logging_dir",
    "net_dim": "network_dim",
    "alpha": "network_alpha",
    "lora_model_for_resume": "network_weights",
    "load_previous_save_state": "resume",
    "train_resolution": "resolution",
    "buckets": "enable_bucket",
    "min_bucket_resolution": "min_bucket_reso",
    "max_bucket_resolution": "max_bucket_reso",
    "batch_size": "train_batch_size",
    "num_epochs": "max_train_epochs",
    "max_steps": "max_train_steps",
    "save_at_n_epochs": "save_every_n_epochs",
    "save_as": "save_model_as",
    "shuffle_captions": "shuffle_caption",
    "max_clip_token_length": "max_token_length",
    "test_seed": "seed",
    "scheduler": "lr_scheduler",
    "cosine_restarts": "lr_scheduler_num_cycles",
    "scheduler_power": "lr_scheduler_power",
    "gradient_acc_steps": "gradient_accumulation_steps",
    "unet_only": "network_train_unet_only",
    "text_only": "network_train_text_encoder_only",
    "no_meta": "no_metadata",
    "num_workers": "max_data_loader_n_workers",
    "persistent_workers": "persistent_data_loader_workers",
}
"""Names in the files that LoRA_Easy itself saves."""
EASY_DEFAULTS: Mapping[str, object] = {
    "enable_bucket": True,
    "min_bucket_reso": 320,
    "max_bucket_reso": 960,
    "clip_skip": 2,
    "seed": 23,
    "mixed_precision": "fp16",
    "save_precision": "fp16",
    "caption_extension": ".txt",
    "max_token_length": 150,
}
"""What its ArgsList.py says of a key that a file leaves out, the same in all its versions."""
EASY_KEYS = (
    "save_json_folder",
    "load_json_path",
    "multi_run_folder",
    "list_of_json_to_load_from",
    "list_of_json_to_run",
    "save_json_only",
    "json_load_skip_list",
    "tag_occurrence_txt_file",
    "sort_tag_occurrence_alphabetically",
)
EASY_ONLY = "LoRA_Easy's own doing"

LYCORIS_TYPES: Mapping[str, str] = {
    "locon": "locon",
    "lycoris/locon": "locon",
    "lycoris/loha": "loha",
    "lycoris/lokr": "lokr",
    "lycoris/dylora": "dylora",
    "lycoris/glora": "glora",
    "lycoris/ia3": "ia3",
    "lycoris/boft": "boft",
    "lycoris/diag-oft": "diag-oft",
    "lycoris/native fine-tuning": "full",
}
"""LoRA_type of kohya_ss, in small letters, and the algorithm of lycoris.kohya."""
KOHYA_TYPES: Mapping[str, str] = {
    "standard": "networks.lora",
    "kohya locon": "networks.lora",
    "kohya dylora": "networks.dylora",
    "lora-fa": "networks.lora_fa",
}

BLOCKS = (
    "down_lr_weight",
    "mid_lr_weight",
    "up_lr_weight",
    "block_lr_zero_threshold",
    "block_dims",
    "block_alphas",
    "conv_block_dims",
    "conv_block_alphas",
)
CONVS = ("conv_dim", "conv_alpha")
DROPS = ("rank_dropout", "module_dropout")
SWITCHES = (
    "use_tucker",
    "use_scalar",
    "rank_dropout_scale",
    "train_norm",
    "bypass_mode",
    "dora_wd",
)
NETWORK_KEYS: Mapping[str, tuple[str, ...]] = {
    "standard": (*BLOCKS, *DROPS),
    "kohya locon": (*BLOCKS, *DROPS, *CONVS),
    "kohya dylora": (*BLOCKS, *DROPS, *CONVS, "unit"),
    "locon": (*CONVS, *DROPS, *SWITCHES),
    "loha": (*CONVS, *DROPS, *SWITCHES),
    "lokr": (
        *CONVS,
        *DROPS,
        "use_scalar",
        "rank_dropout_scale",
        "train_norm",
        "bypass_mode",
        "dora_wd",
        "factor",
        "use_cp",
        "decompose_both",
    ),
    "dylora": (*CONVS, *DROPS, "use_tucker", "train_norm", "unit"),
    "glora": (*CONVS, *DROPS, "rank_dropout_scale", "train_norm"),
    "ia3": (*CONVS, "train_on_input"),
    "boft": (
        *CONVS,
        *DROPS,
        "use_tucker",
        "use_scalar",
        "rank_dropout_scale",
        "train_norm",
        "constrain",
        "rescaled",
    ),
    "diag-oft": (
        *CONVS,
        *DROPS,
        "use_tucker",
        "use_scalar",
        "rank_dropout_scale",
        "train_norm",
        "constrain",
        "rescaled",
    ),
    "full": (*DROPS, "use_tucker", "use_scalar", "rank_dropout_scale", "train_norm"),
}
"""Which of the window's keys go with which kind of network; the others it does not pass on."""
ALL_NETWORK_KEYS = frozenset(key for keys in NETWORK_KEYS.values() for key in keys)

PAGES = "for another page of the window"
OTHERS = "for Flux and Stable Diffusion 3"
GUI_ONLY: Mapping[str, str] = {
    **dict.fromkeys(
        [
            "batch_size",
            "block_lr",
            "caption_metadata_filename",
            "conv_alphas",
            "conv_dims",
            "create_buckets",
            "create_caption",
            "full_path",
            "fused_optimizer_groups",
            "generate_caption_database",
            "generate_image_buckets",
            "image_folder",
            "latent_metadata_filename",
            "learning_rate_te",
            "learning_rate_te1",
            "learning_rate_te2",
            "save_as_bool",
            "train_dir",
            "train_text_encoder",
            "use_latent_files",
        ],
        PAGES,
    ),
    **dict.fromkeys(
        [
            "ae",
            "apply_t5_attn_mask",
            "clip_g",
            "clip_l",
            "discrete_flow_shift",
            "flux1_cache_text_encoder_outputs",
            "flux1_cache_text_encoder_outputs_to_disk",
            "flux1_checkbox",
            "guidance_scale",
            "logit_mean",
            "logit_std",
            "mem_eff_save",
            "mode_scale",
            "model_prediction_type",
            "save_clip",
            "save_t5xxl",
            "sd3_cache_text_encoder_outputs",
            "sd3_cache_text_encoder_outputs_to_disk",
            "sd3_checkbox",
            "sd3_text_encoder_batch_size",
            "split_mode",
            "t5xxl",
            "t5xxl_device",
            "t5xxl_dtype",
            "t5xxl_max_token_length",
            "timestep_sampling",
            "train_blocks",
            "weighting_scheme",
        ],
        OTHERS,
    ),
    "sdxl": "told from the base model's file",
    "sdxl_checkbox": "told from the base model's file",
    "stop_text_encoder_training": "a share of all steps, which was never passed on for a LoRA",
    "stop_text_encoder_training_pct": "a share of all steps, which was never passed on for a LoRA",
}
OTHER_MODELS = ("flux1_checkbox", "sd3_checkbox", "lumina_checkbox", "hunyuan_image_checkbox")
