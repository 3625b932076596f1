# Trains from scratch on two CPU cores in minutes:
#     python tools/misc/make_synthetic.py --layout metaearth --seed 0 \
#         --num 4860 --size 64 --out data/synthetic-metaearth
#     OMP_NUM_THREADS=1 bash tools/dist_train.sh CONFIG 2
_base_ = [
    './_base_/metaearth-tiny.py',
    '../_base_/datasets/synthetic_metaearth.py',
    '../_base_/default_runtime.py',
]

default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(by_epoch=False, interval=200),
)
log_processor = dict(by_epoch=False)
