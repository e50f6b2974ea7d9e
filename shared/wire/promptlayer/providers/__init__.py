"""What providers' own requests and responses say, as Prompt Blueprint templates: one module per kind of API."""
