"""Templates as the arguments of providers' own clients: the other way round than `providers`."""
