"""Many logs in one request."""
