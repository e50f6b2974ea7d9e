"""`sluice bench`: load for a running Sluice, and a look whether it kept what it acknowledged."""
