from .loading import BadImageError, LoadRSImage, read_bands

__all__ = ['BadImageError', 'LoadRSImage', 'read_bands']
