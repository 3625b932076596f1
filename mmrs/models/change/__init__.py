"""Networks that read change off two images: the rooms of three methods."""
