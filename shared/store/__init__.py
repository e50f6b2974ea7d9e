"""The log store: the port in `base`, one module per adapter, the schema in `migrations`, reads in `queries`."""
