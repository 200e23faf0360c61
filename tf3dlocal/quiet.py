"""Imports TensorFlow without its messages about missing GPUs and drivers: `import tf3dlocal.quiet` in a notebook.

It must be imported before TensorFlow and Keras. If the import of TensorFlow fails, its messages are printed.
"""

from tf3dlocal.cli.console import start_tensorflow

start_tensorflow()
