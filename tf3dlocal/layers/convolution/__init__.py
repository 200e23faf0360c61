"""Convolutions over frames, height and width."""
