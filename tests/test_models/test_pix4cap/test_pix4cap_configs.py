"""Pix4Cap in full size, on the meta device: shapes and facts of all forms."""

import pytest
import torch
from change_branch_toys import lively, pair
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmrs.registry import MODELS

MIT = 'pix4cap_mit-b1_1xb64-100e_levir-cc-256x256'
VARIANTS = [
    MIT,
    *(
        MIT.replace('pix4cap', f'pix4cap-{name}')
        for name in ('bi3', 'mci-head', 'no-cd', 'sfa-fused', 'sfa-none')
    ),
    'pix4cap_clip-vit-b-32_1xb64-100e_levir-cc-224x224',
    'pix4cap-gt-3class_mit-b1_1xb64-100e_levir-mci-256x256',
]


@pytest.mark.parametrize('size', [256, 224])
@pytest.mark.parametrize('name', VARIANTS)
def test_shapes_of_all_forms(name, size, repo_root):
    cfg = Config.fromfile(repo_root / f'configs/pix4cap/{name}.py')
    init_default_scope('mmrs')
    with torch.device('meta'):
        model = MODELS.build(cfg.model).eval()
        images = torch.empty(2, 1, 3, size, size)
        outputs = model(dict(img_a=images[0], img_b=images[1]))
    assert outputs['tokens'].shape == (1, (size // 32) ** 2, 512)
    if 'no-cd' in name:
        assert set(outputs) == {'tokens'}
        return
    # The finest of CLIP's maps is 8 times smaller than the image, not 4.
    side = size // 2 if 'clip' in name else size
    classes = 3 if '3class' in name else 2
    assert outputs['mask_logits'].shape == (1, classes, side, side)


def test_equal_dates_differ_by_nothing_below_the_last_level():
    model = lively()
    seen = []
    fusions = model.mask_head.fusions
    for fusion in fusions:
        fusion.difference.register_forward_hook(
            lambda module, inputs, output: seen.append((*inputs, output))
        )
    image = pair()['img_a']
    model.encode(dict(img_a=image, img_b=image))
    assert len(seen) == 4
    for (a, b, y), fusion in list(zip(seen, fusions))[:3]:
        assert torch.equal(a, b)
        part = fusion.difference
        plain = part.norm(part.conv(torch.zeros_like(a)))
        torch.testing.assert_close(y - plain, torch.ones_like(y))
    a, b, _ = seen[3]
    assert not torch.equal(a, b)  # the dates have layers of their own
