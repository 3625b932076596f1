# PyTorch's FSDP: parameters, gradients and optimizer states are shared out
# over the GPUs. Inherit it beside the config of a method:
#
#   _base_ = [
#       '../rsprompter/rsprompter-anchor_sam-vit-h_8xb2-300e_nwpu-1024x1024.py',
#       '../_base_/strategies/fsdp.py',
#   ]
#
# and start it with `bash tools/dist_train.sh`. Checkpoints are whole, so that
# tools/test.py reads them.
runner_type = 'FlexibleRunner'
strategy = dict(
    type='FSDPStrategy',
    model_wrapper=dict(
        type='MMFullyShardedDataParallel',
        use_orig_params=True,  # frozen and trained parameters side by side
        auto_wrap_policy=dict(
            type='torch.distributed.fsdp.wrap.size_based_auto_wrap_policy',
            min_num_params=int(1e7),
        ),
    ),
    state_dict_cfg='full',
)
