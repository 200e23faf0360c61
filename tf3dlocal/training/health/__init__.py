"""Trainings that can no longer learn: found at the step that breaks them."""
