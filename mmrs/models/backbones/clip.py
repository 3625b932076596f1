"""The image encoder of CLIP (arXiv 2103.00020) as a backbone."""

from collections.abc import Sequence
from typing import NamedTuple

from mmengine.model import BaseModule
from torch import Tensor

from mmrs.errors import InputError
from mmrs.registry import MODELS
from mmrs.utils.checkpoint import load_weights, read_checkpoint
from mmrs.utils.settings import check_choice, check_number

from .clip_names import convert_clip

__all__ = ['CLIPArch', 'CLIPPatchBackbone']


class CLIPArch(NamedTuple):
    """Sizes of CLIP's vision transformer.

    Attributes:
        dims: Channels.
        depth: Blocks.
        heads: Attention heads.
        patch_size: In pixels.
        img_size: Of the images that it was trained on, in pixels.
    """

    dims: int
    depth: int
    heads: int
    patch_size: int
    img_size: int = 224


ARCHS = {
    'vit-b-32': CLIPArch(768, 12, 12, 32),
    'vit-b-16': CLIPArch(768, 12, 12, 16),
    'vit-l-14': CLIPArch(1024, 24, 16, 14),
}


@MODELS.register_module()
class CLIPPatchBackbone(BaseModule):
    """The patch tokens of CLIP's vision transformer, as a map.

    Args:
        arch: ``'vit-b-32'``, ``'vit-b-16'``, ``'vit-l-14'``, or a dict of the
            sizes of :class:`CLIPArch`.
        trainable_blocks: So many of the last blocks are trained; the rest is
            frozen. RSCaMa trains 6 of 12.
        patch_feature: ``'pre_ln_post'`` or ``'post_ln_post'``: tokens before
            or behind CLIP's last norm. Which one RSCaMa takes is not known.
        pretrained: Checkpoint of a trained CLIP to start training from, under
            the names of OpenAI or of transformers. Read by ``init_weights``,
            so only where a training run begins.
        init_cfg: As of MMEngine's `BaseModule`.

    Shape:
        - Input: (B, 3, H, W); positions are interpolated for other sizes than
          CLIP's.
        - Output: a tuple of one map (B, dims, H / patch, W / patch).

    Raises:
        InputError: An argument is none of those named.
    """

    def __init__(
        self,
        arch: str | dict | Sequence[int] = 'vit-b-32',
        trainable_blocks: int = 6,
        patch_feature: str = 'pre_ln_post',
        pretrained: str | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        from transformers import CLIPVisionConfig, CLIPVisionModel

        super().__init__(init_cfg)
        features = ('pre_ln_post', 'post_ln_post')
        check_choice('patch_feature', patch_feature, features)
        check_number('trainable_blocks', trainable_blocks, 0)
        sizes = _get_arch(arch)
        self.patch_size = sizes.patch_size
        self.patch_feature = patch_feature
        self.pretrained = pretrained
        model = CLIPVisionModel(
            CLIPVisionConfig(
                hidden_size=sizes.dims,
                intermediate_size=4 * sizes.dims,
                num_hidden_layers=sizes.depth,
                num_attention_heads=sizes.heads,
                image_size=sizes.img_size,
                patch_size=sizes.patch_size,
            )
        )
        # transformers 4 has one more level of names than 5.
        self.vision = getattr(model, 'vision_model', model)
        self._freeze(trainable_blocks)

    def _freeze(self, trainable_blocks: int) -> None:
        self.vision.requires_grad_(False)
        layers = self.vision.encoder.layers
        for layer in layers[max(len(layers) - trainable_blocks, 0) :]:
            layer.requires_grad_(True)
        if self.patch_feature == 'post_ln_post':
            self.vision.post_layernorm.requires_grad_(True)

    def init_weights(self) -> None:
        """Load the trained weights, where some were named."""
        super().init_weights()
        if self.pretrained is None:
            return
        state_dict = read_checkpoint(self.pretrained)['state_dict']
        try:
            weights = convert_clip(state_dict)
        except InputError as error:
            raise InputError(f'{self.pretrained}: {error}') from error
        weights = dict(state_dict=weights)
        load_weights(self.vision, weights, self.pretrained)

    def forward(self, image: Tensor) -> tuple[Tensor]:
        """Compute the map of images."""
        rows, columns = (size // self.patch_size for size in image.shape[2:])
        tokens = self.vision(
            image, interpolate_pos_encoding=True
        ).last_hidden_state
        if self.patch_feature == 'post_ln_post':
            tokens = self.vision.post_layernorm(tokens)
        patches = tokens[:, 1:].transpose(1, 2)
        return (patches.unflatten(2, (rows, columns)),)


def _get_arch(arch: str | dict | Sequence[int]) -> CLIPArch:
    if not isinstance(arch, str):
        given = isinstance(arch, dict)
        try:
            return CLIPArch(**arch) if given else CLIPArch(*arch)
        except TypeError as error:
            raise InputError(
                f'arch needs {", ".join(CLIPArch._fields)}, got {arch}'
            ) from error
    if arch not in ARCHS:
        raise InputError(
            f'arch {arch!r} is none of {", ".join(ARCHS)}; give one of them, '
            'or a dict of sizes'
        )
    return ARCHS[arch]
