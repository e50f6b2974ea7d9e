"""The writer: reads events from the log stream, folds them into rows, inserts the rows, then commits the offsets."""
