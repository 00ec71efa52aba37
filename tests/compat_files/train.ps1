# LoRA 训练脚本
$pretrained_model = "./sd-models/model.ckpt" # 底模路径
$model_type = "sdxl"
$parameterization = 0
$train_data_dir = "./train/zumi" # 训练数据集路径
$reg_data_dir = ""
$network_module = "networks.lora"
$network_weights = ""
$network_dim = 32
$network_alpha = 32
$resolution = "1024,1024"
$batch_size = 1
$max_train_epoches = 10
$save_every_n_epochs = 2
$train_unet_only = 1
$train_text_encoder_only = 0
$stop_text_encoder_training = 0
$noise_offset = 0.0357
$keep_tokens = 1
$min_snr_gamma = 5
$lr = "1e-4"
$unet_lr = "1e-4"
$text_encoder_lr = "1e-5"
$lr_scheduler = "cosine_with_restarts"
$lr_warmup_steps = 0
$lr_restart_cycles = 1
$optimizer_type = "AdamW8bit"
$output_name = "zumi"
$save_model_as = "safetensors"
$save_state = 0
$resume = ""
$min_bucket_reso = 256
$max_bucket_reso = 2048
$persistent_data_loader_workers = 1
$clip_skip = 2
$multi_gpu = 0
$lowram = 0
$algo = "lora"
$conv_dim = 4
$conv_alpha = 4
$dropout = "0"
$use_wandb = 0
$wandb_api_key = ""
$log_tracker_name = ""

# ===== 请勿修改 =====
.\venv\Scripts\activate
$Env:HF_HOME = "huggingface"
$ext_args = [System.Collections.ArrayList]::new()
$launch_args = [System.Collections.ArrayList]::new()
$trainer_file = "./sd-scripts/train_network.py"
if ($model_type -eq "sdxl") {
  $trainer_file = "./sd-scripts/sdxl_train_network.py"
}
if ($train_unet_only) {
  [void]$ext_args.Add("--network_train_unet_only")
}
if ($noise_offset -ne 0) {
  [void]$ext_args.Add("--noise_offset=$noise_offset")
}
accelerate launch $launch_args --num_cpu_threads_per_process=8 $trainer_file `
  --enable_bucket `
  --pretrained_model_name_or_path=$pretrained_model `
  --train_data_dir=$train_data_dir `
  --output_dir="./output" `
  --logging_dir="./logs" `
  --log_prefix=$output_name `
  --resolution=$resolution `
  --network_module=$network_module `
  --max_train_epochs=$max_train_epoches `
  --learning_rate=$lr `
  --unet_lr=$unet_lr `
  --text_encoder_lr=$text_encoder_lr `
  --lr_scheduler=$lr_scheduler `
  --lr_warmup_steps=$lr_warmup_steps `
  --lr_scheduler_num_cycles=$lr_restart_cycles `
  --network_dim=$network_dim `
  --network_alpha=$network_alpha `
  --output_name=$output_name `
  --train_batch_size=$batch_size `
  --save_every_n_epochs=$save_every_n_epochs `
  --mixed_precision="bf16" `
  --save_precision="fp16" `
  --seed="1337" `
  --cache_latents `
  --prior_loss_weight=1 `
  --max_token_length=225 `
  --caption_extension=".txt" `
  --save_model_as=$save_model_as `
  --min_bucket_reso=$min_bucket_reso `
  --max_bucket_reso=$max_bucket_reso `
  --keep_tokens=$keep_tokens `
  --xformers --shuffle_caption $ext_args
Write-Output "Train finished"
