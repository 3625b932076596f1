"""SAM's image encoder against segment-anything's and transformers'.

    python tools/benchmarks/sam_encoder.py --device cuda --arch vit_h \
        --batch 4 --dtype bf16 --json
    python tools/benchmarks/sam_encoder.py --arch vit_b --size 512

All run in one process on the same random weights and images, forward only,
weights and images in the given dtype. The error is the greatest difference
to segment-anything's embedding in float32. Bounds on a GPU, for the fastest
of ours: three times segment-anything's speed at a third of its memory, and
1.8 times the speed of transformers' SDPA attention.
"""

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from statistics import median

OURS = ('eager', 'sdpa', 'flash', 'flex')
BOUNDS = dict(
    speed_to_segment_anything='>= 3 on a GPU',
    memory_to_segment_anything='<= 1/3 on a GPU',
    speed_to_transformers_sdpa='>= 1.8 on a GPU',
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--arch', default='vit_b')
    parser.add_argument('--size', type=int, default=1024, help='in pixels')
    parser.add_argument('--batch', type=int, default=1)
    parser.add_argument('--device', choices=['cpu', 'cuda'], default='cpu')
    parser.add_argument('--dtype', choices=['fp32', 'bf16'], default='fp32')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument(
        '--attn-impl', nargs='+', choices=OURS, default=OURS, help='of ours'
    )
    parser.add_argument(
        '--compile', action='store_true', help='also flash by torch.compile'
    )
    parser.add_argument('--json', action='store_true', help='only the JSON')
    return parser.parse_args()


def make_encoder(arch: str, size: int):
    """Our encoder with random weights, position tables included."""
    import torch

    from mmrs.models.sam import SamImageEncoder

    torch.manual_seed(0)
    encoder = SamImageEncoder(arch, size)
    for block in encoder.blocks:
        torch.nn.init.normal_(block.attn.rel_pos_h, std=0.02)
        torch.nn.init.normal_(block.attn.rel_pos_w, std=0.02)
    return encoder.eval()


def segment_anything_like(encoder):
    """segment-anything's encoder with our encoder's weights."""
    from segment_anything.modeling import ImageEncoderViT
    from torch import nn

    arch = encoder.arch
    peer = ImageEncoderViT(
        img_size=encoder.img_size,
        patch_size=arch.patch_size,
        embed_dim=arch.embed_dim,
        depth=arch.depth,
        num_heads=arch.num_heads,
        out_chans=arch.out_chans,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        use_rel_pos=True,
        window_size=arch.window_size,
        global_attn_indexes=arch.global_attn_indexes,
    )
    peer.load_state_dict(encoder.state_dict())
    return peer.eval()


def transformers_like(encoder, attn_implementation: str):
    """The encoder of transformers with our encoder's weights."""
    from transformers import SamVisionConfig
    from transformers.models.sam.modeling_sam import SamVisionEncoder

    from mmrs.models.sam import sam_to_hf

    arch = encoder.arch
    peer = SamVisionEncoder(
        SamVisionConfig(
            hidden_size=arch.embed_dim,
            output_channels=arch.out_chans,
            num_hidden_layers=arch.depth,
            num_attention_heads=arch.num_heads,
            image_size=encoder.img_size,
            patch_size=arch.patch_size,
            window_size=arch.window_size,
            global_attn_indexes=list(arch.global_attn_indexes),
            mlp_dim=4 * arch.embed_dim,
            attn_implementation=attn_implementation,
        )
    )
    state = {f'image_encoder.{k}': v for k, v in encoder.state_dict().items()}
    peer.load_state_dict(
        {
            name.removeprefix('vision_encoder.'): value
            for name, value in sam_to_hf(state).items()
        }
    )
    return peer.eval()


def ours_like(encoder, attn_impl: str):
    """Our encoder with another attention."""
    from mmrs.models.sam import SamImageEncoder

    twin = SamImageEncoder(encoder.arch, encoder.img_size, attn_impl)
    twin.load_state_dict(encoder.state_dict())
    return twin.eval()


def candidates(encoder, args: argparse.Namespace) -> dict[str, Callable]:
    """What to measure: name and a function that returns module and call."""
    import torch

    def segment_anything():
        module = segment_anything_like(encoder)
        return module, module

    def transformers(attn_implementation: str):
        module = transformers_like(encoder, attn_implementation)
        return module, lambda x: module(x).last_hidden_state

    def ours(attn_impl: str):
        module = ours_like(encoder, attn_impl)
        return module, module.encode

    def compiled():
        module = ours_like(encoder, 'flash')
        return module, torch.compile(module.encode)

    found = dict(segment_anything=segment_anything)
    if find_spec('transformers'):
        for name in ('eager', 'sdpa'):
            found[f'transformers_{name}'] = partial(transformers, name)
    for name in args.attn_impl:
        found[f'ours_{name}'] = partial(ours, name)
    if args.compile:
        found['ours_flash_compiled'] = compiled
    return found


def measure(make: Callable, images, args, expected) -> dict:
    """Time one encoder that is alone on the device."""
    import torch

    on_gpu = args.device == 'cuda'
    dtype = dict(fp32=torch.float32, bf16=torch.bfloat16)[args.dtype]
    images = images.to(args.device, dtype)
    module, encode = make()
    module.to(args.device, dtype)

    def timed() -> float:
        if on_gpu:
            torch.cuda.synchronize()
        start = time.perf_counter()
        encode(images)
        if on_gpu:
            torch.cuda.synchronize()
        return time.perf_counter() - start

    with torch.inference_mode():
        error = (encode(images).float().cpu() - expected).abs().max()
        if on_gpu:
            torch.cuda.reset_peak_memory_stats()
        times = [timed() for _ in range(args.repeats)]
    memory = torch.cuda.max_memory_allocated() / 2**30 if on_gpu else None
    return dict(
        time_ms=median(times) * 1e3, memory_gib=memory, error=error.item()
    )


def ratios(results: dict) -> dict:
    """Compare the fastest of ours with the peers."""
    best = min(
        (name for name in results if name.startswith('ours')),
        key=lambda name: results[name]['time_ms'],
    )
    ours = results[best]
    official = results['segment_anything']
    out = dict(
        fastest=best,
        speed_to_segment_anything=official['time_ms'] / ours['time_ms'],
    )
    if ours['memory_gib']:
        out['memory_to_segment_anything'] = (
            ours['memory_gib'] / official['memory_gib']
        )
    if 'transformers_sdpa' in results:
        out['speed_to_transformers_sdpa'] = (
            results['transformers_sdpa']['time_ms'] / ours['time_ms']
        )
    return out


def main() -> None:
    """Measure all and print the comparison."""
    args = parse_args()
    import torch

    encoder = make_encoder(args.arch, args.size)
    images = torch.randn(args.batch, 3, args.size, args.size)
    with torch.inference_mode():
        peer = segment_anything_like(encoder).to(args.device)
        expected = peer(images.to(args.device)).cpu()
    del peer
    results = {}
    for name, make in candidates(encoder, args).items():
        results[name] = measure(make, images, args, expected)
        if not args.json:
            print(name, results[name], flush=True)
    report = dict(
        settings=vars(args),
        results=results,
        ratios=ratios(results),
        bounds=BOUNDS,
    )
    print(json.dumps(report, indent=None if args.json else 2))


if __name__ == '__main__':
    main()
