"""RSPrompter learns: it beats the best constant answer on eight images."""

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
SIZE, EPOCHS = 128, 25
TRAIN = 'annotations/NWPU_instances_train.json'


def constant_answer_ap50(ann_file):
    """Box AP50 of the mean box of every class, in every image.

    The score is the share of images that show the class, so that this is the
    best that can be said without looking at an image.
    """
    coco = COCO(str(ann_file))
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


def small_cfg(data, work_dir, seed):
    """128 pixels, eight images as they are, and a rate that falls to zero."""
    cfg = Config.fromfile(CONFIG)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f'rsprompter_training_{seed}'
    cfg.randomness = dict(seed=seed)
    cfg.model.data_preprocessor.pad_size_divisor = SIZE
    cfg.model.backbone.img_size = SIZE
    subset = dict(data_root=str(data), ann_file=TRAIN)
    train, val = cfg.train_dataloader.dataset, cfg.val_dataloader.dataset
    train.update(subset)
    train.pipeline = [t for t in train.pipeline if 'Flip' not in t.type]
    val.update(subset)
    for step in val.pipeline:
        if 'Resize' in step.type:
            step.scale = (SIZE, SIZE)
    cfg.val_evaluator.ann_file = str(data / TRAIN)
    cfg.test_dataloader, cfg.test_evaluator, cfg.test_cfg = None, None, None
    cfg.train_cfg.update(max_epochs=EPOCHS, val_interval=10 * EPOCHS)
    cfg.default_hooks.checkpoint.interval = EPOCHS
    cfg.optim_wrapper.optimizer.lr = 6e-4
    cfg.param_scheduler[0].end = 20
    return cfg


@pytest.mark.slow
@pytest.mark.trains
def test_training_beats_the_best_constant_answer(
    tmp_path, training_seed, clears
):
    data = tmp_path / 'data'
    write_dataset('nwpu', data, seed=3, num=10, size=SIZE, gsd=0.4)
    cfg = small_cfg(data, tmp_path / 'work', training_seed)
    with DefaultScope.overwrite_default_scope('mmrs'):
        runner = Runner.from_cfg(cfg)
        runner.train()
        scores = runner.val_loop.run()
    baseline = constant_answer_ap50(data / TRAIN)
    clears('box AP50', scores['coco/bbox_mAP_50'], above=baseline + 0.1)
    clears('mask AP50', scores['coco/segm_mAP_50'], above=baseline)
