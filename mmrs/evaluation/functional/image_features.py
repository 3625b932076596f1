"""Networks whose features compare images, with weights of local files.

A figure of one network or another way of resizing cannot be compared with
that of another one.
"""

import io
from collections import OrderedDict

import torch
from torch import Tensor, nn

from mmrs.errors import InputError
from mmrs.utils.checkpoint import read_checkpoint

__all__ = ['InceptionFeatures', 'Perceptual', 'RandomFeatures']

_BACKBONES = ('alex', 'vgg', 'squeeze')
_MISSING = (
    '; pip install "mmrs[metaearth]", or take the metric out of the evaluators'
)


class InceptionFeatures(nn.Module):
    """The Inception-v3 of FID, of torch-fidelity: 2048 features.

    Args:
        weights: torch-fidelity's file
            ``weights-inception-2015-12-05-6726825d.pth``, TensorFlow's
            weights for FID. Torchvision's Inception is another network.

    Raises:
        InputError: The file is missing or of another network, or
            torch-fidelity is not installed.
    """

    is_substitute = False

    def __init__(self, weights: str) -> None:
        super().__init__()
        try:
            from torch_fidelity.feature_extractor_inceptionv3 import (
                FeatureExtractorInceptionV3,
            )
        except ImportError as error:
            raise InputError(f'FID needs torch-fidelity{_MISSING}') from error
        # The library unpickles the file and runs its code; not so of a copy.
        copy = io.BytesIO()
        torch.save(OrderedDict(read_checkpoint(weights)['state_dict']), copy)
        copy.seek(0)
        try:
            self.net = FeatureExtractorInceptionV3(
                'inception', ['2048'], feature_extractor_weights_path=copy
            )
        except RuntimeError as error:
            raise InputError(
                f'{weights}: is not the Inception of torch-fidelity '
                '(weights-inception-2015-12-05-6726825d.pth)'
            ) from error

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W), uint8, to (B, 2048)."""
        return self.net(images)[0]


class RandomFeatures(nn.Module):
    """A random convolutional network, where there is no Inception.

    A substitute (ours): it tells distributions of colours and textures
    apart, but its figures are no FID. Four strided convolutions; features are
    the means and deviations of each one's channels.

    Args:
        seed: Of its weights.
        widths: Channels of the convolutions.
    """

    is_substitute = True

    def __init__(
        self, seed: int = 0, widths: tuple[int, ...] = (8, 16, 16, 24)
    ) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.convs = nn.ModuleList()
        inputs = 3
        for width in widths:
            conv = nn.Conv2d(inputs, width, 3, stride=2, padding=1)
            nn.init.kaiming_normal_(conv.weight, generator=generator)
            nn.init.zeros_(conv.bias)
            self.convs.append(conv)
            inputs = width
        self.requires_grad_(False)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W), uint8, to (B, 128) for the default widths."""
        x, found = images.float() / 127.5 - 1, []
        for conv in self.convs:
            x = torch.relu(conv(x))
            found += [x.mean((2, 3)), x.std((2, 3), unbiased=False)]
        return torch.cat(found, 1)


class Perceptual(nn.Module):
    """LPIPS (arXiv 1801.03924), of torchmetrics.

    Args:
        weights: Torchvision's file of the backbone, for example
            ``alexnet-owt-7be5be79.pth``. None: random weights of `seed`, a
            substitute (ours) whose figures are no LPIPS.
        net: ``'alex'``, ``'vgg'`` or ``'squeeze'``.
        seed: Of random weights.

    Raises:
        InputError: The file is missing or of another network, or torchmetrics
            is not installed.
    """

    def __init__(
        self, weights: str | None = None, net: str = 'alex', seed: int = 0
    ) -> None:
        super().__init__()
        if net not in _BACKBONES:
            raise InputError(
                f'net={net!r} of lpips must be one of {", ".join(_BACKBONES)}'
            )
        try:
            from torchmetrics.functional.image.lpips import _LPIPS
        except ImportError as error:
            raise InputError(f'LPIPS needs torchmetrics{_MISSING}') from error
        self.is_substitute = weights is None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.lpips = _LPIPS(net=net, pnet_rand=True)
        if weights is not None:
            self._load(weights, net)

    def _load(self, weights: str, net: str) -> None:
        state = read_checkpoint(weights)['state_dict']
        renamed = {}
        for name in self.lpips.net.state_dict():
            prefix = 'slices.' if name.startswith('slices.') else 'slice'
            rest = name.removeprefix(prefix).partition('.')[2]
            if f'features.{rest}' not in state:
                raise InputError(
                    f'{weights}: lacks features.{rest}; give the file of '
                    f"torchvision's network for net={net!r} of lpips"
                )
            renamed[name] = state[f'features.{rest}']
        self.lpips.net.load_state_dict(renamed)

    @torch.no_grad()
    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        """Distances of images (B, 3, H, W), uint8, shape (B,)."""
        one, other = (x.float() / 127.5 - 1 for x in (one, other))
        return self.lpips(one, other).flatten()
