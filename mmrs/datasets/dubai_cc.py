"""DUBAI-CC."""

from pathlib import Path

from mmrs.registry import DATASETS
from mmrs.utils.files import find_images

from .change_pairs import ChangePairDataset


@DATASETS.register_module()
class DubaiCCDataset(ChangePairDataset):
    """DUBAI-CC: 500 Landsat-7 pairs of 2000 and 2010, five captions each.

    Hoxha, Chouaf, Melgani and Smara, 2022. Images are 50 x 50 px of 30 m, in
    red, green and blue; captions begin with a capital letter.

    Layout, under ``datasetDubaiCCPublic`` in the archive::

        data/DUBAI-CC/description_jsontr_te_val/{Train,Validation,Test}_*.json
        data/DUBAI-CC/imgs_tiles/RGB/{500_2000,500_2010}/*

    Takes the arguments of :class:`~mmrs.datasets.ChangePairDataset`; the
    `ann_file` is the folder of caption files.
    """

    HOW_TO_GET = (
        'get DUBAI-CC by way of https://disi.unitn.it/~melgani/datasets.html '
        'and set data_root to its folder datasetDubaiCCPublic, that holds '
        'description_jsontr_te_val and imgs_tiles/RGB/{500_2000,500_2010}'
    )
    ANN_FILE = 'description_jsontr_te_val'
    DATA_PREFIX = dict(
        img_a='imgs_tiles/RGB/500_2000', img_b='imgs_tiles/RGB/500_2010'
    )
    NO_CHANGE_SENTENCES = (
        'Nothing has changed',
        'There is no difference',
        'All remained the same',
        'Everything remains the same',
        'Nothing has changed in this area',
        'Nothing changed in this area',
        'No changes in this area',
        'No change was made',
        'There is no change to mention',
        'No changes to mention',
        'No changed to mention',
        'No difference in this area',
        'No change to mention',
        'No change occurred in this area',
        'The area appears the same',
    )

    def _match(
        self, key: str, folder: Path, names: list[str]
    ) -> dict[str, str]:
        """Find files; those of the later date may have its year as name."""
        found = super()._match(key, folder, names)
        if key != 'img_b':
            return found
        renamed = {n: n.replace('2000', '2010') for n in names}
        later = find_images(folder, list(renamed.values()))
        return {
            name: found.get(name) or later[renamed[name]]
            for name in names
            if name in found or renamed[name] in later
        }
