"""One training on several devices or in several processes."""
