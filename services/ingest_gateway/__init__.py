"""The ingest gateway: validates creates, appends them to the log stream, and answers with an id once they are durable."""
