"""The selective scan of Mamba, over several orders of the tokens at once."""

from .conv import multi_order_conv
from .interface import multi_order_scan, selective_scan_fn
from .orders import Forward, Index, Order, Reverse, Strided
from .state_update import selective_state_update

__all__ = [
    'Forward',
    'Index',
    'Order',
    'Reverse',
    'Strided',
    'multi_order_conv',
    'multi_order_scan',
    'selective_scan_fn',
    'selective_state_update',
]
