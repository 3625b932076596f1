"""Writing captions for many images at once, against the plain way.

    python tools/benchmarks/caption_decoding.py --json
    python tools/benchmarks/caption_decoding.py --device cuda --batch 64

Ours: a batch of images, each word once through the decoder, from a state. The
plain way, that of the releases of RSCaMa and MCI: one image at a time, and for
every word the whole buffer again. Both search with beams; `identical` tells
whether all sentences are the same. The weights are random, with a bias for the
end of the sentence so that sentences end after some ten words, as those of
LEVIR-CC do; `words` is their mean length.

Bound on a CPU: >= 10 times the captions a second, for each decoder.
"""

import argparse
import json
import time

DECODERS = {
    'transformer': dict(type='TransformerCaptionDecoder', heads=8),
    'gpt': dict(type='PrefixGPTDecoder', heads=12),
    'mamba': dict(type='PrefixMambaDecoder'),
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--device', choices=['cpu', 'cuda'], default='cpu')
    parser.add_argument('--batch', type=int, default=32)
    parser.add_argument('--beams', type=int, default=3)
    parser.add_argument('--dims', type=int, default=768)
    parser.add_argument('--tokens', type=int, default=49, help='an image')
    parser.add_argument('--words', type=int, default=501, help='vocabulary')
    parser.add_argument('--max-length', type=int, default=42)
    parser.add_argument(
        '--end-share',
        type=float,
        default=0.01,
        help='after so many of random words a sentence ends',
    )
    parser.add_argument('--repeats', type=int, default=3, help='of ours')
    parser.add_argument('--threads', type=int, default=1, help='of a CPU')
    parser.add_argument('--json', action='store_true', help='only the JSON')
    return parser.parse_args()


def build(name: str, args: argparse.Namespace):
    """A decoder with random weights that tell words apart."""
    import torch

    from mmrs.registry import MODELS
    from mmrs.structures.vocabulary import END

    torch.manual_seed(0)
    decoder = MODELS.build(
        dict(
            DECODERS[name],
            embed_dims=args.dims,
            num_words=args.words,
            max_length=args.max_length,
        )
    )
    decoder.eval()
    with torch.no_grad():
        decoder.vocab_embedding.weight.normal_()
        decoder.wdc.weight.mul_(4)  # sure of itself, as a trained one
        ids = torch.randint(4, args.words, (16, args.max_length))
        tokens = draw_tokens(16, args)
        logits = decoder(ids, tokens)
        behind = logits.amax(2) - logits[..., END]
        decoder.wdc.bias[END] += behind.flatten().quantile(args.end_share)
    return decoder.to(args.device)


def draw_tokens(batch: int, args: argparse.Namespace):
    """Visual tokens; those of an image have something in common."""
    import torch

    common = torch.randn(batch, 1, args.dims)
    return common + torch.randn(batch, args.tokens, args.dims)


def seconds(function, repeats: int, device: str) -> tuple[float, list]:
    """Shortest time of a call, and what it returned."""
    import torch

    times = []
    for _ in range(repeats):
        if device == 'cuda':
            torch.cuda.synchronize()
        start = time.perf_counter()
        result = function()
        if device == 'cuda':
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return min(times), result


def measure(name: str, args: argparse.Namespace) -> dict:
    """Write captions in both ways."""
    from mmrs.models.change.redecoding import search_by_redecoding
    from mmrs.models.change.search import beam_search

    decoder = build(name, args)
    tokens = draw_tokens(args.batch, args).to(args.device)

    def ours():
        return beam_search(decoder, tokens, args.beams)

    def plain():
        return [
            search_by_redecoding(
                decoder, tokens[i : i + 1], args.beams, args.max_length
            )
            for i in range(args.batch)
        ]

    ours()  # the kernels of the scan are compiled at first use
    search_by_redecoding(decoder, tokens[:1], args.beams, 2)
    fast, captions = seconds(ours, args.repeats, args.device)
    slow, sentences = seconds(plain, 1, args.device)
    return dict(
        captions_per_s=args.batch / fast,
        plain_captions_per_s=args.batch / slow,
        ratio=slow / fast,
        identical=[c.ids for c in captions] == [s for s, _ in sentences],
        words=sum(len(c.ids) for c in captions) / args.batch,
        longest=max(len(c.ids) for c in captions),
    )


def main() -> None:
    """Measure and print."""
    args = parse_args()
    import torch

    if args.device == 'cpu':
        torch.set_num_threads(args.threads)
    results = dict(
        settings=vars(args),
        decoders={name: measure(name, args) for name in DECODERS},
        bound='ratio >= 10 on a CPU, for each decoder',
    )
    print(json.dumps(results, indent=None if args.json else 2))


if __name__ == '__main__':
    main()
