"""Imports TensorFlow without its messages about missing GPUs and about devices: `import tf3dlocal.quiet` in a notebook.

It must be imported before TensorFlow and Keras. If the import of TensorFlow fails, its messages are printed.
"""

import logging

from tf3dlocal.cli.console import start_tensorflow

start_tensorflow()
logging.getLogger("tensorflow").setLevel(logging.WARNING)  # tf.distribute says for every variable where it goes
