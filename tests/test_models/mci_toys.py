"""The names of the authors' checkpoints of MCI, for the tests of this folder.

Written from the list of names alone, not from the converter.
"""

import math

NORM = ('weight', 'bias', 'running_mean', 'running_var')


def layer(name, *shape):
    """A linear layer or a convolution."""
    return {f'{name}.weight': shape, f'{name}.bias': shape[:1]}


def layer_norm(name, dims):
    return layer(name, dims)


def batch_norm(name, dims):
    shapes = {f'{name}.{part}': (dims,) for part in NORM}
    return shapes | {f'{name}.num_batches_tracked': ()}


def backbone_shapes(dims, depths, reductions=(8, 4, 2, 1), bands=3):
    shapes, before = {}, bands
    for s, (d, depth, reduction) in enumerate(zip(dims, depths, reductions)):
        kernel = 3 if s else 7
        embed = f'patch_embed{s + 1}'
        shapes |= layer(f'{embed}.proj', d, before, kernel, kernel)
        shapes |= layer_norm(f'{embed}.norm', d) | layer_norm(
            f'norm{s + 1}', d
        )
        for b in range(depth):
            block = f'block{s + 1}.{b}'
            shapes |= layer_norm(f'{block}.norm1', d)
            shapes |= layer_norm(f'{block}.norm2', d)
            shapes |= layer(f'{block}.attn.q', d, d)
            shapes |= layer(f'{block}.attn.kv', 2 * d, d)
            shapes |= layer(f'{block}.attn.proj', d, d)
            if reduction > 1:
                shapes |= layer(f'{block}.attn.sr', d, d, reduction, reduction)
                shapes |= layer_norm(f'{block}.attn.norm', d)
            shapes |= layer(f'{block}.mlp.fc1', 4 * d, d)
            shapes |= layer(f'{block}.mlp.dwconv.dwconv', 4 * d, 1, 3, 3)
            shapes |= layer(f'{block}.mlp.fc2', d, 4 * d)
        before = d
    return {f'cnn.segformer.{name}': shape for name, shape in shapes.items()}


def bi3_shapes(name, d, hidden, idle):
    shapes = {}
    for part in ('to_q', 'to_k', 'to_v', 'to_out.0'):
        shapes |= layer(f'att.{part}', d, d)
    shapes |= layer('att.fuse_conv.0', d, d, 1, 1)
    shapes |= batch_norm('att.fuse_conv.1', d)
    shapes |= layer('feedforward.net.0', hidden, d)
    shapes |= layer('feedforward.net.3', d, hidden)
    shapes |= layer_norm('norm1', d) | layer_norm('norm2', d)
    for part in ('Q_d_conv', 'K_d_conv'):
        shapes |= layer(f'{part}.d_conv_3x3', d, 1, 3, 3)
        shapes |= layer(f'{part}.d_conv_1x5', d, 1, 1, 5)
        shapes |= layer(f'{part}.d_conv_5x1', d, 1, 5, 1)
        shapes |= batch_norm(f'{part}.BN', 3 * d)
        shapes |= layer(f'{part}.conv_1', d, 3 * d, 1, 1)
    if idle:
        shapes |= layer('PCM.0', d, 1, 3, 3) | batch_norm('PCM.1', d)
        shapes |= layer('PCM.3', d, d, 1, 1)
        shapes |= layer('att.fuse_conv2.0', d, 2 * d, 1, 1)
        shapes |= batch_norm('att.fuse_conv2.1', d)
        for part in 'QKV':
            shapes |= layer_norm(f'att.{part}_LN', d)
    return {f'{name}.{part}': shape for part, shape in shapes.items()}


def neck_shapes(dims, layers, hidden, positions, classes, idle):
    d, shapes = dims[-1], {}
    for end in ('', '_CD'):
        for table in ('h', 'w'):
            name = f'{table}_embedding{end}.weight'
            shapes[name] = (positions, d // 2)
    for i in range(layers):
        for date in range(2):
            for stack in ('Dynamic_DIF_aware_TR', 'Transformer_aug_CD'):
                name = f'{stack}.{i}.{date}'
                shapes |= bi3_shapes(name, d, hidden, idle)
        if idle:
            shapes |= layer(f'Dynamic_DIF_aware_TR.{i}.2', d, 2 * d)
    for k, d in enumerate(dims):
        below = 2 * dims[max(k - 1, 0)]
        shapes |= layer(f'conv_dif.{k}.0', d, d, 1, 1)
        shapes |= batch_norm(f'conv_dif.{k}.1', d)
        shapes |= layer(f'conv_fuse.{k}.0', 2 * d, 3 * d, 3, 3)
        shapes |= batch_norm(f'conv_fuse.{k}.1', 2 * d)
        shapes |= layer(f'conv_fuse.{k}.3', 2 * d, 2 * d, 1, 1)
        shapes |= layer(f'to_fused.{k}.0', 2 * d, 2 * d, 1, 1)
        shapes |= batch_norm(f'to_fused.{k}.1', 2 * d)
        shapes |= transposed(f'to_fused.{k}.3', 2 * d, below)
    shapes |= transposed('to_seg.0', 2 * dims[0], dims[0])
    return shapes | layer('to_seg.1', classes, dims[0], 1, 1)


def transposed(name, dims, out_dims):
    return {
        f'{name}.weight': (dims, out_dims, 4, 4),
        f'{name}.bias': (out_dims,),
    }


def decoder_shapes(d, words, hidden, idle):
    shapes = layer('Conv1', d, 2 * d, 1, 1)
    half = d // 2
    for i, out, before, kernel in (
        (0, half, d, 1),
        (3, half, half, 3),
        (6, d, half, 1),
    ):
        shapes |= layer(f'LN.left.{i}', out, before, kernel, kernel)
        shapes |= batch_norm(f'LN.left.{i + 1}', out)
    shapes['vocab_embedding.weight'] = (words, d)
    shapes |= layer('wdc', words, d)
    start = 'transformer.layers.0'
    for part in ('self_attn', 'multihead_attn'):
        shapes[f'{start}.{part}.in_proj_weight'] = (3 * d, d)
        shapes[f'{start}.{part}.in_proj_bias'] = (3 * d,)
        shapes |= layer(f'{start}.{part}.out_proj', d, d)
    shapes |= layer(f'{start}.linear1', hidden, d)
    shapes |= layer(f'{start}.linear2', d, hidden)
    for i in (1, 2, 3):
        shapes |= layer_norm(f'{start}.norm{i}', d)
        if idle:
            shapes |= layer(f'{start}.fc_alpha{i}', d, 2 * d)
    if idle:
        shapes['position_encoding.embedding_1D.weight'] = (52, d)
    return shapes


def released_shapes(
    dims=(64, 128, 320, 512),
    depths=(2, 2, 2, 2),
    layers=3,
    hidden=2048,
    positions=16,
    classes=3,
    words=468,
    idle=True,
):
    """Shape of each weight, by part and name; `idle` ones only if asked."""
    return dict(
        encoder_dict=backbone_shapes(dims, depths),
        encoder_trans_dict=neck_shapes(
            dims, layers, hidden, positions, classes, idle
        ),
        decoder_dict=decoder_shapes(dims[-1], words, hidden, idle),
    )


def count(shapes):
    return sum(
        math.prod(shape)
        for name, shape in shapes.items()
        if 'running' not in name and 'num_batches' not in name
    )
