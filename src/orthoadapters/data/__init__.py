"""From labelled sentences and plain text to batches."""
