"""Metrics, one file a task."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        'agreement': ('Rate', 'cohen_kappa', 'wilson_rate'),
        'boundary_iou': ('BoundaryTolerantIoU', 'distance_to_border'),
        'caption_scores': ('score_captions',),
        'change_caption_metric': ('ChangeCaptionMetric',),
        'change_mask_metric': ('ChangeMaskMetric',),
        'class_map_dump': ('DumpClassMaps', 'DumpedMaps', 'read_class_maps'),
        'cloud38_scenes': (
            'Cloud38SceneMetric',
            'score_scene',
            'stitch_scene',
        ),
        'confusion': (
            'confusion_matrix',
            'mask_scores',
            'semantic_change_scores',
        ),
        'cover_error': ('CoverError',),
        'fid': ('FIDMetric',),
        'generation_metric': ('GenerationMetric',),
        'image_features': (
            'InceptionFeatures',
            'Perceptual',
            'RandomFeatures',
        ),
        'instance_seg_metric': ('InstanceSegMetric',),
        'label_audit': ('audit_image', 'injected_among_top'),
        'manual_tally': (
            'compare_raters',
            'count_verdicts',
            'read_verdicts',
            'write_sheet',
        ),
        'scene_cls_metric': ('SceneClsMetric',),
        'seams': ('autocorrelation_peak', 'overlap_mae', 'seam_ratio'),
        'seg_metric': ('ClassMaps', 'SegMetric'),
        'subset_iou_metric': ('SubsetIoUMetric',),
        'trusted_iou': ('TrustedIoU',),
    },
)
