"""SAM's image encoder as a backbone: loaded, and frozen or LoRA-tuned."""

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrs.errors import InputError
from mmrs.models.sam.archs import SamArch
from mmrs.models.sam.checkpoints import load_sam_weights
from mmrs.models.sam.freezing import freeze
from mmrs.models.sam.image_encoder import SamImageEncoder
from mmrs.registry import MODELS


@MODELS.register_module()
class RSSamVisionEncoder(BaseModule):
    """SAM's image encoder with its hidden states, as a backbone.

    Args:
        sam_arch: Name or sizes, see :func:`mmrs.models.sam.get_arch`.
        img_size: Side of the training images in pixels.
        sam_checkpoint: Weights of a SAM, see
            :func:`mmrs.models.sam.load_sam_weights`.
        freeze_encoder: Do not train the encoder; it runs without gradient
            and in evaluation mode whatever is done to the model above.
        lora: Train low-rank adapters of the frozen encoder instead: ``r``,
            ``alpha``, ``dropout``, ``target_modules``; see :func:`add_lora`.
        attn_impl: See :class:`SamImageEncoder`.
        with_cp: See :class:`SamImageEncoder`.
        init_cfg: As of `mmengine.BaseModule`; weights come from
            `sam_checkpoint`.
    """

    def __init__(
        self,
        sam_arch: str | dict | SamArch,
        img_size: int = 1024,
        sam_checkpoint: str | None = None,
        freeze_encoder: bool = True,
        lora: dict | None = None,
        attn_impl: str = 'flash',
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        encoder = SamImageEncoder(sam_arch, img_size, attn_impl, with_cp)
        if sam_checkpoint:
            load_sam_weights(encoder, sam_checkpoint, 'image_encoder.')
        self.frozen = freeze_encoder and lora is None
        if lora is not None:
            encoder = add_lora(encoder, **lora)
        self.image_encoder = encoder
        if self.frozen:
            freeze(self.image_encoder)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Encode normalised images; see :meth:`SamImageEncoder.forward`."""
        with torch.set_grad_enabled(
            torch.is_grad_enabled() and not self.frozen
        ):
            return self.image_encoder(x)


def add_lora(
    encoder: nn.Module,
    r: int = 16,
    alpha: int = 32,
    dropout: float = 0.05,
    target_modules: tuple[str, ...] = ('qkv',),
) -> nn.Module:
    """Freeze an encoder and give it trainable low-rank adapters (peft).

    Args:
        encoder: The encoder.
        r: Rank of the adapters.
        alpha: Their output is scaled by alpha / r.
        dropout: Drop probability of their input.
        target_modules: Names of the linear layers that get one.

    Returns:
        A peft model; it is called as the encoder is.

    Raises:
        InputError: peft is not installed.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise InputError(
            'backbone.lora needs peft: pip install "mmrs[lora]"'
        ) from error
    config = LoraConfig(
        r=r,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=list(target_modules),
        bias='none',
    )
    return get_peft_model(encoder, config)
