"""Pooling in space: over neighbouring cells, and over horizontal strips."""
