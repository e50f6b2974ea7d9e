"""Routes of the Humanloop API."""
