"""Scores: registered metrics, and the plain functions under them."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        'functional.agreement': ('Rate', 'cohen_kappa', 'wilson_rate'),
        'metrics.boundary_iou': ('BoundaryTolerantIoU', 'distance_to_border'),
        'functional.caption_scores': ('score_captions',),
        'metrics.change_caption_metric': ('ChangeCaptionMetric',),
        'metrics.change_mask_metric': ('ChangeMaskMetric',),
        'metrics.class_map_dump': (
            'DumpClassMaps',
            'DumpedMaps',
            'read_class_maps',
        ),
        'metrics.cloud38_scenes': (
            'Cloud38SceneMetric',
            'score_scene',
            'stitch_scene',
        ),
        'functional.confusion': (
            'confusion_matrix',
            'mask_scores',
            'semantic_change_scores',
        ),
        'metrics.cover_error': ('CoverError',),
        'metrics.fid': ('FIDMetric',),
        'metrics.generation_metric': ('GenerationMetric',),
        'functional.image_features': (
            'InceptionFeatures',
            'Perceptual',
            'RandomFeatures',
        ),
        'metrics.instance_seg_metric': ('InstanceSegMetric',),
        'functional.label_audit': ('audit_image', 'injected_among_top'),
        'functional.manual_tally': (
            'compare_raters',
            'count_verdicts',
            'read_verdicts',
            'write_sheet',
        ),
        'metrics.scene_cls_metric': ('SceneClsMetric',),
        'functional.seams': (
            'autocorrelation_peak',
            'overlap_mae',
            'seam_ratio',
        ),
        'metrics.seg_metric': ('ClassMaps', 'SegMetric'),
        'metrics.subset_iou_metric': ('SubsetIoUMetric',),
        'metrics.trusted_iou': ('TrustedIoU',),
    },
)
