"""Images of a data set of a config, by their names."""

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmrs.config import innermost
from mmrs.errors import InputError
from mmrs.registry import DATASETS
from mmrs.visualization.class_maps import bands_to_rgb


class DatasetImages:
    """The images of a split, as pictures.

    Args:
        cfg: The config of a run.
        split: 'train', 'val' or 'test', for the data set of that dataloader.
    """

    def __init__(self, cfg: Config, split: str) -> None:
        init_default_scope(cfg.get('default_scope', 'mmrs'))
        dataset = innermost(cfg[f'{split}_dataloader'].dataset).copy()
        dataset.pipeline = [dict(type='LoadBands')]
        # As for a test: no image is skipped or replaced by another.
        dataset.test_mode = True
        self.dataset = DATASETS.build(dataset)
        self.split = split
        self.index = {
            self.dataset.get_data_info(i)['sample_id']: i
            for i in range(len(self.dataset))
        }

    @property
    def metainfo(self) -> dict:
        """Classes and palette."""
        return self.dataset.metainfo

    def rgb(self, sample_id: str) -> np.ndarray:
        """Load an image, uint8 (H, W, 3).

        Raises:
            InputError: The data set has no such image.
        """
        if sample_id not in self.index:
            raise InputError(
                f'the {self.split} data set of the config has no image '
                f'{sample_id}; give the config and the split with which the '
                'predictions were written'
            )
        results = self.dataset[self.index[sample_id]]
        return bands_to_rgb(results['img'], results['bands'])
