"""`sluice import`: files of logs, sent to a running Sluice in batches, to the end even when it is interrupted."""
