"""What the services have in common: vocabulary, ports and their adapters, wire formats, the prompt registry."""
