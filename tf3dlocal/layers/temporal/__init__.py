"""Pooling over time: the frames of a walk become one, or a few."""
