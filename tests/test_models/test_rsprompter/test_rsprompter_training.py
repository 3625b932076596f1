"""RSPrompter learns: a minute of training beats the best constant answer."""

import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmrs.synthetic.layouts import write_dataset

CONFIG = next(
    (Path(__file__).parents[3] / 'configs' / 'rsprompter').glob(
        'rsprompter-anchor_sam-vit-tiny_*_synthetic-nwpu-256x256.py'
    )
)


def constant_answer_ap50(ann_file):
    """Box AP50 of the mean box of every class, in every image.

    The score is the share of images that show the class, so that this is the
    best that can be said without looking at an image.
    """
    coco = COCO(ann_file)
    answer = []
    for category in coco.getCatIds():
        objects = coco.loadAnns(coco.getAnnIds(catIds=category))
        if not objects:
            continue
        box = np.mean([o['bbox'] for o in objects], axis=0).tolist()
        score = len({o['image_id'] for o in objects}) / len(coco.imgs)
        answer += [
            dict(image_id=i, category_id=category, bbox=box, score=score)
            for i in coco.imgs
        ]
    evaluation = COCOeval(coco, coco.loadRes(answer), 'bbox')
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats[1]


@pytest.mark.slow
def test_training_beats_the_best_constant_answer(tmp_path):
    data = tmp_path / 'data'
    write_dataset('nwpu', data, seed=3, num=10, size=256, gsd=0.24)
    ann_file = str(data / 'annotations' / 'NWPU_instances_train.json')
    images = len(json.loads(Path(ann_file).read_text())['images'])

    cfg = Config.fromfile(CONFIG)
    cfg.work_dir = str(tmp_path / 'work')
    subset = dict(
        data_root=str(data), ann_file='annotations/NWPU_instances_train.json'
    )
    cfg.train_dataloader.dataset.update(subset)
    cfg.train_dataloader.dataset = dict(
        type='RepeatDataset',
        times=320 // images,
        dataset=cfg.train_dataloader.dataset,
    )
    cfg.train_dataloader.batch_size = 4
    cfg.val_dataloader.dataset.update(subset)
    cfg.val_evaluator.ann_file = ann_file
    cfg.test_dataloader, cfg.test_evaluator, cfg.test_cfg = None, None, None
    cfg.train_cfg.update(max_epochs=1, val_interval=100)
    cfg.experiment_name = 'rsprompter_training'
    with DefaultScope.overwrite_default_scope('mmrs'):
        runner = Runner.from_cfg(cfg)
        runner.train()
        scores = runner.val_loop.run()
    baseline = constant_answer_ap50(ann_file)
    assert scores['coco/bbox_mAP_50'] > baseline + 0.1
    assert scores['coco/segm_mAP_50'] > baseline
