"""RSPrompter (arXiv 2306.16269) and the baselines of its paper."""

from .anchor import (
    RSPrompterAnchor,
    RSPrompterAnchorMaskHead,
    RSPrompterAnchorRoIPromptHead,
)
from .features import SamFeatures
from .neck import (
    RSFPN,
    PseudoFeatureAggregator,
    RSFeatureAggregator,
    RSSimpleFPN,
)
from .query import RSMask2FormerHead, RSPrompterQuery
from .sam_cls import SAMCls
from .sam_det import SAMDet
from .sam_seg import SAMSegMask2Former, SAMSegMaskRCNN

__all__ = [
    'PseudoFeatureAggregator',
    'RSFPN',
    'RSFeatureAggregator',
    'RSMask2FormerHead',
    'RSPrompterAnchor',
    'RSPrompterAnchorMaskHead',
    'RSPrompterAnchorRoIPromptHead',
    'RSPrompterQuery',
    'RSSimpleFPN',
    'SAMCls',
    'SAMDet',
    'SAMSegMask2Former',
    'SAMSegMaskRCNN',
    'SamFeatures',
]
