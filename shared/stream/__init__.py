"""The log stream: the port in `base`, one module or package per adapter."""
