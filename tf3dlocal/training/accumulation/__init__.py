"""Steps over a whole batch in the memory of a slice of it."""
