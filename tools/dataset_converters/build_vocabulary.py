r"""Number the words of the captions of image pairs.

::

    python tools/dataset_converters/build_vocabulary.py \
        data/LEVIR-CC/LevirCCcaptions.json --out data/LEVIR-CC/vocab.json
    python tools/dataset_converters/build_vocabulary.py \
        data/DUBAI-CC/description_jsontr_te_val --min-count 1 \
        --out data/DUBAI-CC/vocab.json

CAPTIONS is a JSON file in the layout of LevirCCcaptions.json, a folder of such
files of a split each, or a folder of token files. Writes a JSON object of
word -> number and prints how many words there are, the model's
``caption_head.num_words``.

Data sets count words on their own; give them the file (``vocabulary=...``)
where the words must be those of other captions. With ``--token-dir`` and
``--list-dir``, writes the other files, too, that the authors of LEVIR-CC's
methods prepare.
"""

import argparse
from pathlib import Path

from mmrs.errors import InputError
from mmrs.utils.cli import run_tool


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('captions', type=Path, help='file or folder')
    parser.add_argument(
        '--out', type=Path, required=True, help='JSON file to write'
    )
    parser.add_argument(
        '--min-count',
        type=int,
        default=5,
        help='how often a word must occur (default: 5)',
    )
    parser.add_argument(
        '--source',
        choices=['all', 'train'],
        default='all',
        help='the splits that words are counted in (default: all)',
    )
    parser.add_argument(
        '--token-dir',
        type=Path,
        help='receives a file of token lists for each pair',
    )
    parser.add_argument(
        '--list-dir',
        type=Path,
        help='receives the lists of pairs {train,val,test}.txt',
    )
    parser.add_argument(
        '--list-captions',
        action='store_true',
        help='list training pairs once for each caption, as name.png-0',
    )
    return parser.parse_args()


def main() -> None:
    """Count and write."""
    args = parse_args()
    if not args.captions.exists():
        raise InputError(f'{args.captions}: no such file or folder')

    from mmrs.datasets import caption_files
    from mmrs.structures import Vocabulary

    pairs = caption_files.read_captions(args.captions)
    counted = [p for p in pairs if args.source in ('all', p.split)]
    if not counted:
        raise InputError(f'{args.captions}: has no pairs for training')
    vocabulary = Vocabulary.build(
        (caption for pair in counted for caption in pair.captions),
        args.min_count,
    )
    vocabulary.save(args.out)
    longest = max(len(vocabulary.encode(c)) for p in pairs for c in p.captions)
    print(
        f'{args.out}: {len(vocabulary)} words, <NULL>, <UNK>, <START> and '
        f'<END> included; the longest caption has {longest}'
    )
    if args.token_dir is not None:
        caption_files.write_token_files(pairs, args.token_dir)
        print(f'{args.token_dir}: {len(pairs)} files')
    if args.list_dir is not None:
        caption_files.write_lists(pairs, args.list_dir, args.list_captions)
        print(f'{args.list_dir}: lists of {len(pairs)} pairs')


if __name__ == '__main__':
    run_tool(main)
