"""Scores: registered metrics, and the plain functions under them."""

from mmrs.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        'functional.agreement': ('Rate', 'cohen_kappa', 'wilson_rate'),
        'functional.caption_scores': ('score_captions',),
        'functional.confusion': (
            'confusion_matrix',
            'mask_scores',
            'semantic_change_scores',
        ),
        'functional.image_features': (
            'InceptionFeatures',
            'Perceptual',
            'RandomFeatures',
        ),
        'functional.label_audit': ('audit_image', 'injected_among_top'),
        'functional.manual_tally': (
            'compare_raters',
            'count_verdicts',
            'read_verdicts',
            'write_sheet',
        ),
        'functional.seams': (
            'autocorrelation_peak',
            'overlap_mae',
            'seam_ratio',
        ),
        'metrics.boundary_iou': ('distance_to_border',),
        'metrics.class_map_dump': ('DumpedMaps', 'read_class_maps'),
        'metrics.cloud38_scenes': ('score_scene', 'stitch_scene'),
        'metrics.seg_metric': ('ClassMaps', 'SegMetric'),
    },
)
