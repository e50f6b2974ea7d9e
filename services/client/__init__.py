"""The commands that talk to a running Sluice over HTTP."""
