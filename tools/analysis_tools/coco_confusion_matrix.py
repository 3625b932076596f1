r"""Print which classes are taken for which, from a COCO result file.

::

    python tools/test.py CONFIG CHECKPOINT \
        --cfg-options test_evaluator.outfile_prefix=work_dirs/x/results
    python tools/analysis_tools/coco_confusion_matrix.py \
        ANNOTATIONS.json work_dirs/x/results.segm.json --iou-type segm

Rows are true classes, columns the classes of the matched predictions; the
last columns count false detections of the row's class and missed objects of
it. The matching is that of faster-coco-eval.
"""

import argparse

from mmrs.utils.cli import run_tool


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('annotations', help='COCO annotation file')
    parser.add_argument('results', help='COCO result file')
    parser.add_argument('--iou-type', choices=['bbox', 'segm'], default='bbox')
    parser.add_argument('--iou-thr', type=float, default=0.5)
    parser.add_argument('--score-thr', type=float, default=0.3)
    return parser.parse_args()


def main() -> None:
    """Match and print."""
    args = parse_args()

    from faster_coco_eval import COCO
    from faster_coco_eval.extra import PreviewResults

    annotations = COCO(args.annotations)
    matching = PreviewResults(
        annotations,
        annotations.loadRes(args.results),
        iouType=args.iou_type,
        min_score=args.score_thr,
        iou_tresh=args.iou_thr,
    )
    names = [category['name'] for category in annotations.cats.values()]
    columns = [*names, 'false', 'missed']
    widths = [max(len(column), 6) for column in columns]
    first = max(widths)
    print('  '.join([' ' * first, *map(str.rjust, columns, widths)]))
    for name, counts in zip(names, matching.compute_confusion_matrix()):
        cells = [str(int(count)) for count in counts]
        print('  '.join([name.ljust(first), *map(str.rjust, cells, widths)]))


if __name__ == '__main__':
    run_tool(main)
