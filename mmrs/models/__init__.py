"""Networks: one room a method, what two rooms share in `layers`."""
