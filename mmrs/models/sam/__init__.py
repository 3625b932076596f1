"""SAM (arXiv 2304.02643) on segment_anything's modules and names."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        'archs': ('SAM_ARCHS', 'SamArch', 'get_arch'),
        'checkpoints': ('LoadReport', 'load_sam_weights'),
        'converters': (
            'hf_to_sam',
            'mmpretrain_to_sam',
            'sam_to_hf',
            'sam_to_mmpretrain',
        ),
        'freezing': ('freeze',),
        'image_encoder': ('SamImageEncoder',),
        'prompt': (
            'build_box_embed',
            'build_mask_embed',
            'build_no_mask_embed',
        ),
        'vision_encoder': ('add_lora',),
    },
)
