"""Runs RSMamba on the inputs of a parity file; see check_parity.py."""

import torch
from torch import Tensor

from mmrs.models.rsmamba.backbone import RSMamba
from mmrs.models.rsmamba.converters import convert_released, infer_arch

Pairs = dict[str, tuple[Tensor, Tensor]]


def run_parity(
    method: str,
    meta: dict,
    state_dict: dict[str, Tensor],
    io: dict[str, Tensor],
) -> Pairs:
    """Build the networks of a parity file and run its input.

    One network for each ``y_PATH_TYPE`` in `io`; all share the weights but
    for the gates of two paths, which are under ``frg.``.

    Args:
        method: ``'rsmamba'``.
        meta: Sizes that weights do not show: ``img_size``, ``stride``,
            ``out_type``.
        state_dict: Weights under the authors' names.
        io: Input ``x``, permutations ``perm_BLOCK`` and the authors'
            outputs.

    Returns:
        Name of each output -> (ours, the authors').
    """
    state_dict = convert_released(state_dict)
    pairs = {}
    for name in io:
        if not name.startswith('y_'):
            continue
        path_type = name.removeprefix('y_')
        model = _build(path_type, meta, state_dict)
        with torch.no_grad():
            pairs[name] = _run(model, io), io[name]
    if 'loss_frg' in io:
        pairs.update(_gradients(meta, state_dict, io))
    return pairs


def _build(
    path_type: str, meta: dict, state_dict: dict[str, Tensor]
) -> RSMamba:
    sizes = infer_arch(state_dict)
    model = RSMamba(
        sizes.arch,
        path_type=path_type,
        img_size=meta['img_size'],
        patch_size=sizes.patch_size,
        in_channels=sizes.in_channels,
        patch_cfg=dict(stride=meta['stride']),
        out_type=meta['out_type'],
    )
    weights = {k: v for k, v in state_dict.items() if 'gate_layers.' not in k}
    if path_type.endswith('gate'):
        prefix = 'frg.' if path_type == 'forward_reverse_gate' else ''
        weights |= {
            name.removeprefix(prefix): value
            for name, value in state_dict.items()
            if name.startswith(f'{prefix}gate_layers.')
        }
    model.load_state_dict(weights, strict=True)
    return model.eval()


def _run(model: RSMamba, io: dict[str, Tensor]) -> Tensor:
    permutations = None
    if 'shuffle' in model.paths:
        permutations = [io[f'perm_{i}'] for i in range(len(model.layers))]
    return model(io['x'], permutations)[-1]


def _gradients(
    meta: dict, state_dict: dict[str, Tensor], io: dict[str, Tensor]
) -> Pairs:
    """Differentiate the sum of the squared outputs of two gated paths.

    That the loss is this sum was found from its value.
    """
    model = _build('forward_reverse_gate', meta, state_dict)
    loss = _run(model, io).square().sum()
    loss.backward()
    ours = dict(
        loss_frg=loss.detach(),
        grad_pos_embed_frg=model.pos_embed.grad,
        grad_A_log_0_frg=model.layers[0].A_log.grad,
    )
    return {name: (value, io[name]) for name, value in ours.items()}
