"""Every fact of rasters and vectors, once for all methods."""
