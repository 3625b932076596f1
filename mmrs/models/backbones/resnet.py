"""ResNets of torchvision as backbones of change networks."""

import torchvision
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrs.errors import InputError
from mmrs.registry import MODELS
from mmrs.utils.checkpoint import load_weights, read_checkpoint
from mmrs.utils.settings import check_number

_LAYERS = ('layer1', 'layer2', 'layer3', 'layer4')


@MODELS.register_module()
class ResNetBackbone(BaseModule):
    """A ResNet without its classifier, partly frozen.

    The authors' captioners read the last map of a ResNet-101: Chg2Cap that of
    `layer4`, training `layer2` to `layer4`; RSICCformer that of `layer3`,
    training nothing. The frozen part stays in evaluation mode.

    Args:
        depth: 18, 34, 50, 101 or 152.
        out_layers: Names of the layers whose maps are returned, of
            ``'layer1'`` ... ``'layer4'``; later ones are not built.
        frozen_layers: So many of the layers, and the stem, are not trained;
            0 freezes the stem alone, -1 nothing.
        pretrained: Checkpoint under torchvision's names to start training
            from. Read by ``init_weights``, so only where a training run
            begins.
        init_cfg: As of MMEngine's `BaseModule`.

    Shape:
        - Input: (B, 3, H, W).
        - Output: tuple of maps, the finest first; `layer1` is 4 times
          smaller than the image, every further one 2 times more.

    Raises:
        InputError: There is no ResNet or layer of this name.
    """

    def __init__(
        self,
        depth: int = 101,
        out_layers: tuple[str, ...] = _LAYERS,
        frozen_layers: int = 1,
        pretrained: str | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if depth not in (18, 34, 50, 101, 152):
            raise InputError(
                f'depth must be 18, 34, 50, 101 or 152, got {depth}'
            )
        check_number('frozen_layers', frozen_layers, -1, len(_LAYERS))
        unknown = [name for name in out_layers if name not in _LAYERS]
        if unknown or not out_layers:
            raise InputError(
                f'out_layers must be of {", ".join(_LAYERS)}, got {out_layers}'
            )
        whole = getattr(torchvision.models, f'resnet{depth}')(weights=None)
        stem = ('conv1', 'bn1', 'relu', 'maxpool')
        last = max(map(_LAYERS.index, out_layers)) + 1
        for name in (*stem, *_LAYERS[:last]):
            self.add_module(name, getattr(whole, name))
        self.layer_names = _LAYERS[:last]
        self.out_layers = tuple(out_layers)
        self.frozen_layers = frozen_layers
        self.pretrained = pretrained
        self._frozen = []
        if frozen_layers >= 0:
            names = (*stem, *_LAYERS[:frozen_layers])
            self._frozen = [name for name in names if hasattr(self, name)]
        self._freeze()

    def init_weights(self) -> None:
        """Load the trained weights, where some were named."""
        super().init_weights()
        if self.pretrained is not None:
            checkpoint = read_checkpoint(self.pretrained)
            load_weights(self, checkpoint, self.pretrained)

    def train(self, mode: bool = True) -> 'ResNetBackbone':
        """Set the mode; the frozen part stays in evaluation."""
        super().train(mode)
        self._freeze()
        return self

    def _freeze(self) -> None:
        for name in self._frozen:
            part: nn.Module = getattr(self, name)
            part.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Compute the maps of images."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(image))))
        maps = {}
        for name in self.layer_names:
            maps[name] = x = getattr(self, name)(x)
        return tuple(maps[name] for name in _LAYERS if name in self.out_layers)
