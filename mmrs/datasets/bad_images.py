"""Lets training go on where a few images cannot be used."""

import logging

import torch
from mmengine.logging import print_log

from mmrs.errors import BadImageError, InputError

_BAD_SHARE = 0.01  # of the images may turn out unusable in training


class SkipBadImages:
    """A base of data sets, beside MMEngine's and before it.

    An image that the pipeline refuses by
    :class:`~mmrs.errors.BadImageError` while training is skipped: a warning
    names it and another one is drawn. When more than 1 % of the images were
    refused, the run stops with their list. The count is kept in memory that
    all loader workers share, over all epochs; processes of distributed
    training count alone. In test mode the first such image is an error.
    """

    def full_init(self) -> None:
        """Load the annotations."""
        if self._fully_initialized:
            return
        super().full_init()
        # One flag an image, in memory shared with the loader's workers.
        self._is_bad = torch.zeros(len(self), dtype=torch.bool)
        self._is_bad.share_memory_()

    def prepare_data(self, idx: int) -> dict | None:
        """Run the pipeline; None in training where the image is unusable."""
        try:
            return super().prepare_data(idx)
        except BadImageError as error:
            if self.test_mode:
                raise
            self._count_bad(idx, error)
            return None

    def _count_bad(self, idx: int, error: BadImageError) -> None:
        if self._is_bad[idx]:
            return
        self._is_bad[idx] = True
        print_log(
            f'skipped in training: {error}',
            logger='current',
            level=logging.WARNING,
        )
        bad = self._is_bad.nonzero().flatten().tolist()
        if len(bad) > _BAD_SHARE * len(self):
            paths = [self._paths(i) for i in bad]
            raise InputError(
                f'{len(bad)} of the {len(self)} images of '
                f'{self.ann_file or self.data_root} cannot be used, which is '
                f'more than {_BAD_SHARE:.0%}; mend them or take them out '
                f'(last: {error})\n' + '\n'.join(paths)
            ) from error

    def _paths(self, idx: int) -> str:
        paths = self.get_data_info(idx)['img_path']
        return paths if isinstance(paths, str) else ' '.join(paths)
