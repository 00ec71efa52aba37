#!/bin/bash
# 训练用模型、图片
pretrained_model="./sd-models/model.ckpt" # 底模路径 | base model
model_type="sd1.5"
parameterization=0
train_data_dir="./train/aki"              # 训练数据集路径
reg_data_dir=""

network_module="lycoris.kohya"
network_weights=""
network_dim=32
network_alpha=16

resolution="512,768"
batch_size=2
max_train_epoches=10
save_every_n_epochs=2

train_unet_only=0
train_text_encoder_only=0
stop_text_encoder_training=0

noise_offset="0"
keep_tokens=1
min_snr_gamma=5

lr="1e-4"
unet_lr="1e-4"
text_encoder_lr="1e-5"
lr_scheduler="cosine_with_restarts"
lr_warmup_steps=20
lr_restart_cycles=2

optimizer_type="AdamW8bit"
output_name="zumi"
save_model_as="safetensors"
save_state=0
resume=""

min_bucket_reso=256
max_bucket_reso=1024
persistent_data_loader_workers=1
clip_skip=2
multi_gpu=0
lowram=0

algo="loha"
conv_dim=4
conv_alpha=2
dropout="0"

use_wandb=0
wandb_api_key=""
log_tracker_name=""

# ===== 以下内容请勿修改 =====
export HF_HOME="huggingface"
trainer_file="./sd-scripts/train_network.py"
extArgs=()
launchArgs=()
if [[ $multi_gpu == 1 ]]; then launchArgs+=("--multi_gpu"); fi
if [[ $noise_offset != "0" ]]; then extArgs+=("--noise_offset $noise_offset"); fi

python -m accelerate.commands.launch ${launchArgs[@]} --num_cpu_threads_per_process=8 "$trainer_file" \
  --enable_bucket \
  --pretrained_model_name_or_path=$pretrained_model \
  --train_data_dir=$train_data_dir \
  --output_dir="./output" \
  --logging_dir="./logs" \
  --log_prefix=$output_name \
  --resolution=$resolution \
  --network_module=$network_module \
  --max_train_epochs=$max_train_epoches \
  --learning_rate=$lr \
  --unet_lr=$unet_lr \
  --text_encoder_lr=$text_encoder_lr \
  --lr_scheduler=$lr_scheduler \
  --lr_warmup_steps=$lr_warmup_steps \
  --lr_scheduler_num_cycles=$lr_restart_cycles \
  --network_dim=$network_dim \
  --network_alpha=$network_alpha \
  --output_name=$output_name \
  --train_batch_size=$batch_size \
  --save_every_n_epochs=$save_every_n_epochs \
  --mixed_precision="bf16" \
  --save_precision="fp16" \
  --seed="2023" \
  --cache_latents \
  --prior_loss_weight=1 \
  --max_token_length=225 \
  --caption_extension=".txt" \
  --save_model_as=$save_model_as \
  --min_bucket_reso=$min_bucket_reso \
  --max_bucket_reso=$max_bucket_reso \
  --keep_tokens=$keep_tokens \
  --xformers --shuffle_caption ${extArgs[@]}
