"""Prompts, versions, environments and API keys, folded from one stream into the memory of every process."""
