"""Fits the config of a run to the machine that it runs on."""

import logging

import torch
from mmengine.config import Config
from mmengine.logging import print_log

from mmrs.errors import InputError

AMP_DTYPES = {'bf16': 'bfloat16', 'fp16': 'float16'}


def use_amp(cfg: Config, precision: str) -> None:
    """Turn on automatic mixed precision in ``cfg.optim_wrapper``.

    Args:
        cfg: The config of a run; changed in place.
        precision: `bf16` or `fp16`. Only fp16 needs its loss scaled.
    """
    wrapper = cfg.optim_wrapper
    kind = wrapper.get('type', 'OptimWrapper')
    if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise InputError(
            f'--amp cannot be used with optim_wrapper.type={kind}; set the '
            'precision in the config'
        )
    wrapper.type = 'AmpOptimWrapper'
    wrapper.dtype = AMP_DTYPES[precision]
    if precision == 'bf16':
        wrapper.loss_scale = dict(enabled=False)
    else:
        wrapper.loss_scale = 'dynamic'


def scale_learning_rate(cfg: Config) -> None:
    """Turn on the linear scaling of the learning rate with the batch size."""
    if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
        raise InputError(
            f'--auto-scale-lr needs auto_scale_lr.base_batch_size in '
            f'{cfg.filename}: the batch size that its learning rate is for'
        )
    cfg.auto_scale_lr.enable = True


def fit_to_machine(cfg: Config) -> None:
    """Make a config that was written for GPUs run on a CPU as well.

    Without a GPU mixed precision becomes fp32 with a warning, and processes
    talk through gloo. With one the config stays as it is.
    """
    if torch.cuda.is_available():
        return
    if 'strategy' in cfg:
        raise InputError(
            f'{cfg.filename}: strategy.type={cfg.strategy.type} shares '
            'memory between GPUs, and there is none here; train the config '
            'without the strategy'
        )
    if cfg.get('optim_wrapper') is not None:
        _leave_amp(cfg.optim_wrapper)
    launcher = cfg.get('launcher', 'none')
    if launcher == 'pytorch':
        _join_cpu_processes(cfg)
    elif launcher != 'none':
        raise InputError(
            f'--launcher {launcher} needs a GPU in every process; on '
            'CPUs use tools/dist_train.sh or tools/dist_test.sh'
        )


def _leave_amp(wrapper: dict) -> None:
    if wrapper.get('type') != 'AmpOptimWrapper':
        return
    wrapper.type = 'OptimWrapper'
    for key in ('dtype', 'loss_scale', 'use_fsdp'):
        wrapper.pop(key, None)
    print_log(
        'Mixed precision needs a GPU, and there is none: training in fp32.',
        logger='current',
        level=logging.WARNING,
    )


def _join_cpu_processes(cfg: Config) -> None:
    """Start the process group that MMEngine would ask a GPU for."""
    torch.distributed.init_process_group('gloo')
    cfg.setdefault(
        'model_wrapper_cfg',
        dict(
            type='MMDistributedDataParallel',
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        ),
    )
    cfg.model_wrapper_cfg.device_ids = None
