"""Step times: baseline and variant side by side in one process, in short blocks in balanced random order."""
