"""The OpenMMLab stack: its import hooks, and the environment doctor."""
