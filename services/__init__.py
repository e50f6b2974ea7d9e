"""The three services and, in `__main__`, the one place that sees all of them."""
