"""The ingest gateway: validates creates, appends them to the log stream, answers with an id once they are durable."""
