# DeepSpeed's ZeRO stage 2: gradients and optimizer states are shared out over
# the GPUs. Needs `pip install deepspeed`. Inherit it beside the config of a
# method, and replace the optimizer wrapper, for DeepSpeed's engine takes its
# place (the clipping of gradients is set below):
#
#   _base_ = [
#       '../rsprompter/rsprompter-anchor_sam-vit-h_8xb2-300e_nwpu-1024x1024.py',
#       '../_base_/strategies/deepspeed-zero2.py',
#   ]
#   optim_wrapper = dict(
#       _delete_=True,
#       type='DeepSpeedOptimWrapper',
#       optimizer=dict(type='AdamW', lr=2e-4, weight_decay=0.05),
#   )
#
# and start it with `bash tools/dist_train.sh`. A checkpoint is a folder with
# DeepSpeed's own script `zero_to_fp32.py`, which writes a whole state dict
# for tools/test.py.
runner_type = 'FlexibleRunner'
strategy = dict(
    type='DeepSpeedStrategy',
    bf16=dict(enabled=True),
    gradient_clipping=1.0,
    zero_optimization=dict(
        stage=2,
        overlap_comm=True,
        contiguous_gradients=True,
        reduce_bucket_size=int(5e8),
        allgather_bucket_size=int(5e8),
    ),
)
