"""Make a training checkpoint ready for others: the weights and plain facts.

::

    python tools/model_converters/publish.py work_dirs/x/epoch_12.pth x.pth

Writes ``x-1a2b3c4d.pth`` with the start of the contents' SHA-256 in its name.
The optimizer, schedulers and logs are left out, and the file loads with
``torch.load(..., weights_only=True)``. With ``x.safetensors`` it is written in
that format, with the facts as JSON in its metadata.
"""

import argparse
import hashlib
import json
from pathlib import Path

from mmrs.utils.cli import run_tool

KEPT_META = ('cfg', 'dataset_meta', 'epoch', 'iter', 'seed')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('src', help='checkpoint of a training run')
    parser.add_argument('dst', help='file to write; gets the hash in its name')
    return parser.parse_args()


def strip(checkpoint: dict) -> dict:
    """Keep the weights, and of the meta what is plain data.

    Arrays in the meta become lists.
    """
    meta = checkpoint.get('meta', {})
    kept = {key: meta[key] for key in KEPT_META if key in meta}
    plain = json.loads(json.dumps(kept, default=lambda array: array.tolist()))
    return dict(state_dict=checkpoint['state_dict'], meta=plain)


def main() -> None:
    """Publish."""
    args = parse_args()

    from mmrs.utils.checkpoint import read_checkpoint
    from mmrs.utils.checkpoint_files import check_suffix, encode_checkpoint

    dst = Path(args.dst)
    check_suffix(dst)
    content = encode_checkpoint(strip(read_checkpoint(args.src)), dst.suffix)
    digest = hashlib.sha256(content).hexdigest()
    dst = dst.with_name(f'{dst.stem}-{digest[:8]}{dst.suffix}')
    dst.parent.mkdir(parents=True, exist_ok=True)
    dst.write_bytes(content)

    before = Path(args.src).stat().st_size / 2**20
    after = dst.stat().st_size / 2**20
    print(f'{args.src}: {before:.2f} MiB')
    print(f'{dst}: {after:.2f} MiB, sha256 {digest}')


if __name__ == '__main__':
    run_tool(main)
