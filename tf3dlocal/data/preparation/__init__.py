"""From raw silhouettes to a prepared data set: alignment in parallel, part files, shards and a report.

Nothing here imports TensorFlow or Keras at module level: the worker processes only align and stay small.
"""
