"""Readers of raw silhouettes: folders, archives and OpenGait's pickles, in any layout of paths."""
