"""The selective scan against its peers, in one process on the same data.

    python tools/benchmarks/selective_scan.py --device cpu --json
    python tools/benchmarks/selective_scan.py --device cuda --json

On a CPU: the scan of one RSMamba-B block at 224 px, three orders of one image
(L 784, D 384, N 16, fp32, one thread), against the scan that transformers
falls back to and against mambapy's parallel scan (pip install transformers
mambapy). Each peer is given its own layout, without the orders. Bounds:
forward >= 50 times transformers' and >= 20 times mambapy's speed, forward and
backward >= 20 times mambapy's.

On a GPU: three shapes in bf16 against mamba-ssm's CUDA kernel where that is
installed. Bounds: >= 3.5 times its speed at the first (vision) shape, no
slower at the others.

Besides, `deterministic` tells whether two runs are equal to the bit, `error`
how far each is from the PyTorch back-end in float64, and `orders` what an
order costs.
"""

import argparse
import json
import time
from collections.abc import Callable
from importlib.util import find_spec

GPU_SHAPES = {  # sequences with all their orders, channels, tokens
    'vision': (192, 384, 729),
    'long': (32, 1536, 2048),
    'longest': (8, 1024, 16384),
}
NUM_STATES = 16


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--device', choices=['cpu', 'cuda'], default='cpu')
    parser.add_argument(
        '--batch', type=int, default=1, help='images (on a CPU)'
    )
    parser.add_argument('--length', type=int, default=784, help='on a CPU')
    parser.add_argument('--channels', type=int, default=384, help='on a CPU')
    parser.add_argument(
        '--repeats', type=int, default=10, help='of ours; peers take a few'
    )
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--json', action='store_true', help='only the JSON')
    return parser.parse_args()


def make_inputs(batch, paths, length, channels, device, dtype) -> dict:
    """Inputs as a trained block has them: steps of 0.001 to 1."""
    import torch

    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(shape, generator=generator)

    inputs = dict(
        u=normal(batch, paths, length, channels),
        delta=normal(batch, paths, length, channels),
        A=-torch.arange(1.0, NUM_STATES + 1).repeat(channels, 1),
        B=normal(batch, paths, length, NUM_STATES),
        C=normal(batch, paths, length, NUM_STATES),
        D=normal(channels),
        z=normal(batch, length, channels),
        delta_bias=normal(channels) - 3,
    )
    kept = ('A', 'D', 'delta_bias')
    return {
        name: value.to(device, torch.float32 if name in kept else dtype)
        for name, value in inputs.items()
    }


def our_scan(orders, backend=None) -> Callable:
    """Our scan as a function of the inputs."""
    from mmrs.ops.selective_scan import multi_order_scan

    def run(**inputs):
        return multi_order_scan(
            orders=orders, delta_softplus=True, backend=backend, **inputs
        )

    return run


def channels_first(inputs: dict) -> dict:
    """Inputs of the peers: paths in the batch, channels before tokens."""
    paths = inputs['u'].shape[1]
    walked = {
        name: inputs[name].flatten(0, 1).transpose(1, 2).contiguous()
        for name in ('u', 'delta', 'B', 'C')
    }
    z = inputs['z'].repeat_interleave(paths, 0).transpose(1, 2).contiguous()
    return inputs | walked | dict(z=z)


def transformers_scan(u, delta, A, B, C, D, z, delta_bias):
    """The scan of transformers' slow path."""
    from transformers.models.mamba import modeling_mamba

    return modeling_mamba.mamba_selective_scan(
        u, delta, A, B, C, D, z, delta_bias, True
    )


def mambapy_scan(u, delta, A, B, C, D, z, delta_bias):
    """The scan of mambapy's Mamba: `pscan` on decays and drives."""
    import torch.nn.functional as F
    from mambapy.pscan import pscan

    step = F.softplus(delta + delta_bias[:, None]).transpose(1, 2)
    decays = (step.unsqueeze(-1) * A).exp()
    drives = (step * u.transpose(1, 2)).unsqueeze(-1)
    drives = drives * B.transpose(1, 2).unsqueeze(2)
    states = pscan(decays, drives)
    y = (states @ C.transpose(1, 2).unsqueeze(-1)).squeeze(3).transpose(1, 2)
    return (y + D[:, None] * u) * F.silu(z)


def mamba_ssm_scan(u, delta, A, B, C, D, z, delta_bias):
    """mamba-ssm's CUDA kernel."""
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    return selective_scan_fn(u, delta, A, B, C, D, z, delta_bias, True)


def timed(function: Callable, repeats: int, device: str) -> float:
    """Shortest time of a call in milliseconds, after a warm-up."""
    import torch

    function()
    times = []
    for _ in range(repeats):
        if device == 'cuda':
            torch.cuda.synchronize()
        start = time.perf_counter()
        function()
        if device == 'cuda':
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def measure(
    scan: Callable, inputs: dict, repeats: int, backward: bool = True
) -> dict:
    """Times of forward and of both passes, and the memory they take."""
    import torch

    device = inputs['u'].device.type
    result = {}
    with torch.no_grad():
        result['forward_ms'] = timed(lambda: scan(**inputs), repeats, device)
    if not backward:
        return result
    leaves = {k: v.detach().requires_grad_() for k, v in inputs.items()}
    with torch.no_grad():
        weight = torch.randn_like(scan(**inputs))

    def both():
        torch.autograd.grad(scan(**leaves), list(leaves.values()), weight)

    if device == 'cuda':
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    result['both_ms'] = timed(both, repeats, device)
    if device == 'cuda':
        peak = torch.cuda.max_memory_allocated()
        result['memory_gib'] = (peak - before) / 2**30
    return result


def is_deterministic(scan: Callable, inputs: dict) -> bool:
    """Whether two runs agree to the bit, gradients included."""
    import torch

    def run():
        leaves = {k: v.detach().requires_grad_() for k, v in inputs.items()}
        y = scan(**leaves)
        y.float().sin().sum().backward()
        return [y.detach(), *(leaf.grad for leaf in leaves.values())]

    return all(torch.equal(a, b) for a, b in zip(run(), run()))


def error_to_double(y, inputs: dict, orders) -> float:
    """Largest difference to the scan in float64, over its largest value."""
    double = {name: value.double() for name, value in inputs.items()}
    reference = our_scan(orders, 'torch')(**double)
    difference = (y.double() - reference).abs().max()
    return (difference / reference.abs().max()).item()


def order_costs(inputs: dict, repeats: int) -> dict:
    """Forward times of all paths walking in one kind of order."""
    import torch

    from mmrs.ops.selective_scan import Forward, Index, Reverse, Strided

    paths, length = inputs['u'].shape[1:3]
    height = next(h for h in range(int(length**0.5), 0, -1) if length % h == 0)
    shuffle = torch.randperm(length).to(inputs['u'].device)
    orders = dict(
        forward=Forward(),
        reverse=Reverse(),
        strided=Strided(height, length // height),
        index=Index(shuffle),
    )
    return {
        name: measure(our_scan([order] * paths), inputs, repeats, False)[
            'forward_ms'
        ]
        for name, order in orders.items()
    }


def three_orders(length: int, device: str):
    """Those of RSMamba."""
    import torch

    from mmrs.ops.selective_scan import Forward, Index, Reverse

    shuffle = torch.randperm(length).to(device)
    return [Forward(), Reverse(), Index(shuffle)]


def on_cpu(args: argparse.Namespace) -> dict:
    """One RSMamba block on a CPU."""
    import torch

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    inputs = make_inputs(
        args.batch, 3, args.length, args.channels, 'cpu', torch.float32
    )
    orders = three_orders(args.length, 'cpu')
    peers = channels_first(inputs)
    few = max(2, args.repeats // 4)
    ours = our_scan(orders, 'cpu')
    results = dict(
        cpu=measure(ours, inputs, args.repeats),
        torch=measure(our_scan(orders, 'torch'), inputs, few),
    )
    if find_spec('transformers'):
        # Its backward pass takes minutes: a slice of every step is kept.
        results['transformers'] = measure(
            transformers_scan, peers, few, backward=False
        )
    if find_spec('mambapy'):
        results['mambapy'] = measure(mambapy_scan, peers, few)
    fast = results['cpu']
    speed = {
        f'{name}_{key.removesuffix("_ms")}': value / fast[key]
        for name, peer in results.items()
        for key, value in peer.items()
        if name != 'cpu'
    }
    elements = args.batch * 3 * args.length * args.channels * NUM_STATES
    return dict(
        results=results,
        speed_to=speed,
        orders=order_costs(inputs, args.repeats),
        exponentials_per_ns=elements / (1e6 * fast['forward_ms']),
        deterministic=is_deterministic(ours, inputs),
        error=dict(
            cpu=error_to_double(ours(**inputs), inputs, orders),
            transformers=_peer_error(inputs, peers),
        ),
        bounds=dict(
            transformers_forward='>= 50',
            mambapy_forward='>= 20',
            mambapy_both='>= 20',
        ),
    )


def _peer_error(inputs: dict, peers: dict) -> float | None:
    if not find_spec('transformers'):
        return None
    from mmrs.ops.selective_scan import Forward

    batch, paths = inputs['u'].shape[:2]
    y = transformers_scan(**peers).unflatten(0, (batch, paths))
    return error_to_double(y.transpose(2, 3), inputs, [Forward()] * paths)


def on_gpu(args: argparse.Namespace) -> dict:
    """Three shapes in bf16 on a GPU."""
    import torch

    from mmrs.ops.selective_scan import Forward

    shapes = {}
    for name, (rows, channels, length) in GPU_SHAPES.items():
        paths = 3 if name == 'vision' else 1
        inputs = make_inputs(
            rows // paths, paths, length, channels, 'cuda', torch.bfloat16
        )
        orders = three_orders(length, 'cuda') if paths == 3 else [Forward()]
        ours = our_scan(orders)
        results = dict(ours=measure(ours, inputs, args.repeats))
        if find_spec('mamba_ssm'):
            results['mamba_ssm'] = measure(
                mamba_ssm_scan, channels_first(inputs), args.repeats
            )
            results['speed_to_mamba_ssm'] = {
                key: results['mamba_ssm'][key] / results['ours'][key]
                for key in ('forward_ms', 'both_ms')
            }
        elements = rows * channels * length
        seconds = results['ours']['forward_ms'] / 1e3
        results.update(
            # u, delta and y of each path, and a share of z.
            forward_gb_per_s=2 * elements * (3 + 1 / paths) / seconds / 1e9,
            forward_exponentials_per_s=elements * NUM_STATES / seconds,
            deterministic=is_deterministic(ours, inputs),
            orders=order_costs(inputs, args.repeats),
        )
        shapes[name] = results
    return dict(
        gpu=torch.cuda.get_device_name(),
        shapes=shapes,
        bounds=dict(
            vision='>= 3.5 forward and both', others='>= 1 forward and both'
        ),
    )


def main() -> None:
    """Measure and print."""
    args = parse_args()
    run = on_gpu if args.device == 'cuda' else on_cpu
    results = dict(settings=vars(args), **run(args))
    print(json.dumps(results, indent=None if args.json else 2))


if __name__ == '__main__':
    main()
