"""Plain functions of scores, which know no registry."""
