"""Imports TensorFlow without its messages about missing GPUs and about devices: `import tf3dlocal.quiet` in a notebook.

It must be imported before TensorFlow and Keras; a warning says so if it is not. If the import of TensorFlow fails, its
messages are printed.
"""

import logging
import sys
import warnings

from tf3dlocal.cli.console import start_tensorflow

if "tensorflow" in sys.modules:
    warnings.warn(
        "tf3dlocal.quiet has no effect on TensorFlow's messages: TensorFlow was imported before it. Import "
        "tf3dlocal.quiet first, in a new process.",
        stacklevel=2,
    )

start_tensorflow()
logging.getLogger("tensorflow").setLevel(logging.WARNING)  # tf.distribute says for every variable where it goes
