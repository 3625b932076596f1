"""RSPrompter against the way its authors compute it, in one process.

    python tools/benchmarks/rsprompter.py --method anchor --device cuda --json
    python tools/benchmarks/rsprompter.py --method query --arch vit_tiny \
        --size 256 --json

The peer is the same network, with the same weights, in which SAM is computed
as the authors' release does: transformers' encoder with eager attention,
transformers' mask decoder on image embeddings repeated for every object, and,
for the query variant, that decoder run for every query after every stage.
Bounds on a GPU: at least twice the speed in training and at test. Bound on
any machine for the query variant: five times fewer decoder passes in
training, with equal losses.
"""

import argparse
import json
import time
from pathlib import Path

CONFIGS = Path(__file__).parents[2] / 'configs' / 'rsprompter' / '_base_'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--method', choices=['anchor', 'query'], required=True)
    parser.add_argument('--arch', default='vit_b')
    parser.add_argument('--size', type=int, default=1024)
    parser.add_argument('--batch', type=int, default=2)
    parser.add_argument('--objects', type=int, default=8, help='an image')
    parser.add_argument('--device', choices=['cpu', 'cuda'], default='cpu')
    parser.add_argument(
        '--dtype', choices=['fp32', 'bf16'], default='fp32', help='autocast'
    )
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--json', action='store_true', help='only the JSON')
    return parser.parse_args()


def build_model(method: str, arch: str, size: int):
    """Build the variant of the base config with random weights."""
    from mmengine.config import Config
    from mmengine.registry import init_default_scope

    from mmrs.models.sam import get_arch
    from mmrs.registry import MODELS

    init_default_scope('mmrs')
    cfg = Config.fromfile(CONFIGS / f'rsprompter-{method}.py').model
    channels = get_arch(arch).out_chans
    head = cfg.roi_head.mask_head if method == 'anchor' else cfg.panoptic_head
    for part in (cfg.backbone, cfg.shared_image_embedding, head.mask_decoder):
        part.update(sam_arch=arch, sam_checkpoint=None)
    cfg.backbone.img_size = size
    cfg.neck.feature_aggregator.update(sam_arch=arch)
    if method == 'query':
        head.out_channels = channels
    return MODELS.build(cfg)


def as_authors(model, arch: str, size: int):
    """Return a copy of the model that computes SAM as the release does."""
    import copy

    import torch
    from torch import nn
    from transformers import SamMaskDecoderConfig, SamVisionConfig
    from transformers.models.sam.modeling_sam import (
        SamMaskDecoder,
        SamVisionEncoder,
    )

    from mmrs.models.rsprompter.query import RSMask2FormerHead
    from mmrs.models.sam import get_arch, sam_to_hf

    sizes = get_arch(arch)

    class Encoder(nn.Module):
        """transformers' encoder with our calling convention."""

        def __init__(self, ours: nn.Module) -> None:
            super().__init__()
            cfg = SamVisionConfig(
                hidden_size=sizes.embed_dim,
                output_channels=sizes.out_chans,
                num_hidden_layers=sizes.depth,
                num_attention_heads=sizes.num_heads,
                image_size=size,
                patch_size=sizes.patch_size,
                window_size=sizes.window_size,
                global_attn_indexes=list(sizes.global_attn_indexes),
                mlp_dim=4 * sizes.embed_dim,
                attn_implementation='eager',
            )
            self.encoder = SamVisionEncoder(cfg)
            _load(self.encoder, ours, 'image_encoder.', 'vision_encoder.')
            self.encoder.requires_grad_(False).eval()

        @torch.no_grad()
        def forward(self, images):
            out = self.encoder(images, output_hidden_states=True)
            return out.last_hidden_state, out.hidden_states

    class Decoder(nn.Module):
        """transformers' decoder on repeated image embeddings."""

        def __init__(self, ours: nn.Module) -> None:
            super().__init__()
            cfg = SamMaskDecoderConfig(
                hidden_size=sizes.out_chans,
                mlp_dim=sizes.decoder_mlp_dim,
                num_attention_heads=sizes.decoder_heads,
                iou_head_hidden_dim=sizes.iou_head_hidden_dim,
                layer_norm_eps=1e-5,
            )
            self.decoder = SamMaskDecoder(cfg)
            _load(self.decoder, ours, 'mask_decoder.', 'mask_decoder.')
            self.passes = 0

        def forward(self, embeddings, pe, sparse, dense, image_ids):
            self.passes += len(image_ids)
            out = self.decoder(
                image_embeddings=embeddings[image_ids],
                image_positional_embeddings=pe.expand_as(embeddings)[
                    image_ids
                ],
                sparse_prompt_embeddings=sparse[:, None],
                dense_prompt_embeddings=dense.expand(
                    len(image_ids), -1, *embeddings.shape[-2:]
                ),
                multimask_output=False,
            )
            return out[0][:, 0], out[1][:, 0]

    def _load(theirs, ours, official, foreign) -> None:
        state = {official + k: v for k, v in ours.state_dict().items()}
        state = sam_to_hf(state)
        theirs.load_state_dict(
            {k[len(foreign) :]: v for k, v in state.items()}, strict=True
        )

    class EveryQuery(RSMask2FormerHead):
        """Decodes every query of every stage, then keeps the matched."""

        def decode_matched(self, x, all_masks, matches):
            return [
                self.decode_all(x, masks)[match.images, match.queries]
                for masks, match in zip(all_masks, matches)
            ]

        def decode_all(self, x, masks):
            batch_size, num_queries = masks.coarse.shape[:2]
            images = torch.arange(batch_size, device=masks.coarse.device)
            fine = self.decode(
                x,
                masks.coarse.flatten(0, 1),
                masks.prompts.flatten(0, 1),
                images.repeat_interleave(num_queries),
            )
            return fine.unflatten(0, (batch_size, num_queries))

        def predict(self, x, batch_data_samples):
            for masks in self(x, batch_data_samples)[1][:-1]:
                self.decode_all(x, masks)
            return super().predict(x, batch_data_samples)

    peer = copy.deepcopy(model)
    peer.backbone = Encoder(model.backbone.image_encoder)
    if hasattr(peer, 'roi_head'):
        head = peer.roi_head.mask_head
    else:
        head = peer.panoptic_head
        head.__class__ = EveryQuery
    head.mask_decoder = Decoder(head.mask_decoder)
    return peer


def make_batch(size: int, batch: int, objects: int, device: str):
    """Random images with rectangles as objects."""
    import numpy as np
    import torch
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import BitmapMasks
    from mmengine.structures import InstanceData

    rng = np.random.default_rng(0)
    images = torch.from_numpy(
        rng.standard_normal((batch, 3, size, size), dtype=np.float32)
    )
    samples = []
    for _ in range(batch):
        corners = rng.integers(0, size // 2, (objects, 2))
        sides = rng.integers(size // 16, size // 3, (objects, 2))
        boxes = np.concatenate([corners, corners + sides], 1)
        masks = np.zeros((objects, size, size), np.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes):
            mask[y1:y2, x1:x2] = 1
        shape = (size, size)
        samples.append(
            DetDataSample(
                metainfo=dict(
                    ori_shape=shape,
                    img_shape=shape,
                    pad_shape=shape,
                    batch_input_shape=shape,
                    scale_factor=(1.0, 1.0),
                ),
                gt_instances=InstanceData(
                    bboxes=torch.from_numpy(boxes).float().to(device),
                    labels=torch.from_numpy(rng.integers(0, 10, objects)).to(
                        device
                    ),
                    masks=BitmapMasks(masks, *shape),
                ),
            )
        )
    return images.to(device), samples


def run_steps(model, images, samples, args) -> dict:
    """Time training and test, and note losses, memory, decoder passes."""
    import copy

    import torch

    on_gpu = args.device == 'cuda'
    decoder = (
        model.roi_head.mask_head
        if args.method == 'anchor'
        else model.panoptic_head
    ).mask_decoder
    passes = 0

    def count(module, inputs) -> None:
        nonlocal passes
        passes += len(inputs[4])

    handle = decoder.register_forward_pre_hook(count)
    autocast = torch.autocast(
        args.device, torch.bfloat16, enabled=args.dtype == 'bf16'
    )

    def train_step() -> dict:
        torch.manual_seed(0)
        with autocast:
            losses = model.loss(images, copy.deepcopy(samples))
        total, log = model.parse_losses(losses)
        model.zero_grad()
        total.backward()
        return {name: value.item() for name, value in log.items()}

    @torch.no_grad()
    def test_step() -> None:
        with autocast:
            model.predict(images, copy.deepcopy(samples), rescale=True)

    def timed(step) -> float:
        times = []
        for _ in range(args.repeats):
            if on_gpu:
                torch.cuda.synchronize()
            start = time.perf_counter()
            step()
            if on_gpu:
                torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
        return sorted(times)[len(times) // 2]

    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    model.train()
    losses = train_step()
    train_passes, passes = passes, 0
    train_s = timed(train_step)
    memory = torch.cuda.max_memory_allocated() / 2**30 if on_gpu else None
    model.eval()
    passes = 0
    test_step()
    test_passes = passes
    test_s = timed(test_step)
    handle.remove()
    return dict(
        train_step_s=train_s,
        train_memory_gib=memory,
        test_images_per_s=len(images) / test_s,
        train_decoder_passes=train_passes,
        test_decoder_passes=test_passes,
        losses=losses,
    )


def main() -> None:
    """Run both and print the comparison."""
    args = parse_args()
    import torch

    torch.manual_seed(0)
    ours = build_model(args.method, args.arch, args.size).to(args.device)
    peer = as_authors(ours, args.arch, args.size).to(args.device)
    images, samples = make_batch(
        args.size, args.batch, args.objects, args.device
    )
    results = dict(
        settings=vars(args),
        ours=run_steps(ours, images, samples, args),
        peer=run_steps(peer, images, samples, args),
    )
    a, b = results['ours'], results['peer']
    results['ratios'] = dict(
        train_speed=b['train_step_s'] / a['train_step_s'],
        test_speed=a['test_images_per_s'] / b['test_images_per_s'],
        train_decoder_passes=b['train_decoder_passes']
        / max(a['train_decoder_passes'], 1),
        test_decoder_passes=b['test_decoder_passes']
        / max(a['test_decoder_passes'], 1),
        worst_loss_difference=max(
            abs(a['losses'][name] - b['losses'][name]) for name in a['losses']
        ),
    )
    results['bounds'] = dict(
        train_speed='>= 2 on a GPU',
        test_speed='>= 2 on a GPU',
        train_decoder_passes='>= 5 for the query variant',
    )
    print(json.dumps(results, indent=None if args.json else 2))


if __name__ == '__main__':
    main()
