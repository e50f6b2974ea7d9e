"""Routes of the PromptLayer API."""
