from types import SimpleNamespace

import cv2
import torch

from mmrs.engine.hooks import SampleGridHook
from mmrs.structures import GenDataSample


def sample(resolution, value):
    return GenDataSample(
        metainfo=dict(resolution=resolution),
        lr_img=torch.full((3, 2, 2), 10, dtype=torch.uint8),
        pred_img=torch.full((3, 8, 8), value, dtype=torch.uint8),
        gt_img=torch.full((3, 8, 8), 200, dtype=torch.uint8),
    )


def test_picture_shows_rows_from_coarse_to_fine(tmp_path):
    hook = SampleGridHook(num=2)
    runner = SimpleNamespace(rank=0, work_dir=str(tmp_path), iter=500)
    hook.before_val_epoch(runner)
    values = [(4.0, 50), (64.0, 60), (4.0, 70), (4.0, 80)]
    hook.after_val_iter(runner, 0, None, [sample(*v) for v in values])
    hook.after_val_epoch(runner)
    picture = cv2.imread(str(tmp_path / 'samples/iter_500.png'))
    assert picture.shape == (3 * 8 + 2 * 4, 3 * 8 + 2 * 4, 3)
    assert picture[::12, 12, 0].tolist() == [60, 50, 70]
    assert picture[0, ::12, 0].tolist() == [10, 60, 200]
    assert (picture[8:12] == 255).all()


def test_other_processes_write_nothing(tmp_path):
    hook = SampleGridHook()
    runner = SimpleNamespace(rank=1, work_dir=str(tmp_path), iter=1)
    hook.after_val_iter(runner, 0, None, [sample(4.0, 1)])
    hook.after_val_epoch(runner)
    assert not list(tmp_path.iterdir())
