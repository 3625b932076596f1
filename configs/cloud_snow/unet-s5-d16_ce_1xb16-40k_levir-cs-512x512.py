# UNet with cross-entropy on all images of LEVIR_CS.
_base_ = [
    './_base_/unet-s5-d16.py',
    '../_base_/datasets/levir_cs.py',
    './_base_/schedule_40k.py',
    '../_base_/iter_runtime.py',
]

# As mmsegmentation trains it.
optim_wrapper = dict(
    optimizer=dict(
        _delete_=True, type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4
    ),
    paramwise_cfg=dict(_delete_=True),
)
param_scheduler = [
    dict(
        type='PolyLR',
        power=0.9,
        eta_min=1e-4,
        by_epoch=False,
        begin=0,
        end=_base_.max_iters,
    )
]
