"""RSMamba against its authors' code path, in one process.

    python tools/benchmarks/rsmamba.py --device cpu --json
    python tools/benchmarks/rsmamba.py --device cuda --batch 64 --dtype bf16

The peer has the same weights, but computes a block as the release does:
transformers' mixer on three reordered copies of the normalised tokens, with
mamba-ssm's kernels on a GPU where they are installed. On a CPU, where its
backward pass takes minutes a block, it is timed forward alone, and trained
only with --train-peer, then with mambapy's scan (pip install mambapy).

Bounds on a GPU: >= 5 times the images a second in training, >= 6 times at
inference, <= 1/4 of the memory. Bounds on one core of a CPU, at 224 px: 0.4 s
an image at inference, 2 s an image and training step.
"""

import argparse
import json
import time
from importlib.util import find_spec


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--arch', default='b', choices=['s', 'b', 'l', 'h'])
    parser.add_argument('--size', type=int, default=224, help='in pixels')
    parser.add_argument('--batch', type=int, default=1)
    parser.add_argument('--device', choices=['cpu', 'cuda'], default='cpu')
    parser.add_argument(
        '--dtype', choices=['fp32', 'bf16'], default='fp32', help='autocast'
    )
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--threads', type=int, default=1, help='of a CPU')
    parser.add_argument(
        '--train-peer', action='store_true', help='on a CPU, too'
    )
    parser.add_argument('--json', action='store_true', help='only the JSON')
    return parser.parse_args()


def build(arch: str, size: int):
    """RSMamba with random weights, and a classifier of 21 classes."""
    import torch
    from torch import nn

    from mmrs.models.rsmamba import RSMamba

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = RSMamba(
                arch, img_size=size, patch_cfg=dict(stride=8)
            )
            self.head = nn.Linear(self.backbone.embed_dims, 21)

        def forward(self, images, permutations):
            return self.head(self.backbone(images, permutations)[-1])

    torch.manual_seed(0)
    return Classifier()


def as_authors(model):
    """Return a copy of the classifier that computes blocks as released."""
    import copy

    import torch
    from torch import nn
    from transformers import MambaConfig
    from transformers.models.mamba.modeling_mamba import MambaMixer

    class Mixer(nn.Module):
        """transformers' mixer on one copy of the tokens for each order."""

        def __init__(self, ours) -> None:
            super().__init__()
            inner_dims, _, kernel = ours.conv1d.weight.shape
            cfg = MambaConfig(
                hidden_size=ours.in_proj.in_features,
                state_size=ours.state_dims,
                intermediate_size=inner_dims,
                conv_kernel=kernel,
                time_step_rank=ours.dt_rank,
                use_conv_bias=True,
                use_bias=False,
                use_mambapy=find_spec('mambapy') is not None,
            )
            # `expand` gives the width in newer releases.
            cfg.intermediate_size = inner_dims
            self.mixer = MambaMixer(cfg, layer_idx=0)
            self.mixer.load_state_dict(ours.state_dict())

        def forward(self, x, orders, gate):
            length = x.shape[1]
            rows = [order.rows(length).long().to(x.device) for order in orders]
            mixed = self.mixer(torch.cat([x[:, row] for row in rows]))
            outs = [
                part[:, row.argsort()]
                for part, row in zip(mixed.chunk(len(rows)), rows)
            ]
            means = torch.cat([out.mean(1) for out in outs], dim=1)
            weights = gate(means)
            return sum(
                weights[:, k, None, None] * out for k, out in enumerate(outs)
            )

    peer = copy.deepcopy(model)
    layers = peer.backbone.layers
    for index, layer in enumerate(layers):
        layers[index] = Mixer(layer)
    return peer.to(next(model.parameters()).device)


def measure(
    model, images, labels, shuffles, args: argparse.Namespace, train: bool
) -> dict:
    """Images a second and memory, forward and in a training step."""
    import torch
    import torch.nn.functional as F

    on_gpu = args.device == 'cuda'
    autocast = torch.autocast(
        args.device, torch.bfloat16, enabled=args.dtype == 'bf16'
    )

    def loss():
        with autocast:
            scores = model(images, shuffles)
        return F.cross_entropy(scores.float(), labels)

    @torch.no_grad()
    def infer() -> float:
        return loss().item()

    def step() -> float:
        model.zero_grad()
        total = loss()
        total.backward()
        return total.item()

    def seconds(function, repeats: int) -> float:
        times = []
        for _ in range(repeats):
            if on_gpu:
                torch.cuda.synchronize()
            start = time.perf_counter()
            function()
            if on_gpu:
                torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
        return min(times)

    model.eval()
    result = dict(loss=infer())  # warms up, too
    time_infer = seconds(infer, args.repeats)
    result.update(
        inference_images_per_s=len(images) / time_infer,
        inference_s_per_image=time_infer / len(images),
    )
    if not train:
        return result
    model.train()
    step()
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    time_step = seconds(step, args.repeats)
    result.update(
        train_images_per_s=len(images) / time_step,
        train_s_per_image=time_step / len(images),
        train_memory_gib=torch.cuda.max_memory_allocated() / 2**30
        if on_gpu
        else None,
        gradient_norm=torch.stack([p.grad.norm() for p in model.parameters()])
        .norm()
        .item(),
    )
    return result


def main() -> None:
    """Run both and print the comparison."""
    args = parse_args()
    import torch

    if args.device == 'cpu':
        torch.set_num_threads(args.threads)
    model = build(args.arch, args.size).to(args.device)
    peer = as_authors(model)
    images = torch.randn(args.batch, 3, args.size, args.size)
    labels = torch.randint(21, (args.batch,))
    images, labels = images.to(args.device), labels.to(args.device)
    length = model.backbone.layout.length
    shuffles = [torch.randperm(length) for _ in model.backbone.layers]
    ours = measure(model, images, labels, shuffles, args, train=True)
    args.repeats = args.repeats if args.device == 'cuda' else 1
    train_peer = args.device == 'cuda' or args.train_peer
    theirs = measure(peer, images, labels, shuffles, args, train=train_peer)
    ratios = {
        key: ours[key] / theirs[key]
        for key in ('inference_images_per_s', 'train_images_per_s')
        if key in theirs
    }
    if theirs.get('train_memory_gib'):
        ratios['train_memory'] = (
            ours['train_memory_gib'] / theirs['train_memory_gib']
        )
    results = dict(
        settings=vars(args),
        mamba_ssm=find_spec('mamba_ssm') is not None,
        ours=ours,
        peer=theirs,
        ratios=ratios,
        loss_difference=abs(ours['loss'] - theirs['loss']),
        bounds=dict(
            gpu='training >= 5, inference >= 6, memory <= 1/4',
            cpu='0.4 s an image at inference, 2 s in training',
        ),
    )
    print(json.dumps(results, indent=None if args.json else 2))


if __name__ == '__main__':
    main()
