"""Defaults of the PyTorch originals that differ from those of Keras, and one seed for every weight."""

import zlib
from numbers import Integral

import keras

from tf3dlocal.layers.replicas import current_strategy

NORM_EPSILON = 1e-5
NORM_MOMENTUM = 0.9  # share of the old value; PyTorch counts the new one, 0.1


def is_synchronized(synchronized: bool | None) -> bool:
    """Return whether batch statistics are taken over all replicas; None decides by the current strategy.

    With statistics per replica, a training on several devices is another one than on a single device, without a word:
    so None means several replicas in the current `tf.distribute` strategy. An explicit value stays.

    Args:
        synchronized: An argument of that name.

    Returns:
        bool.

    Example:
        >>> is_synchronized(None), is_synchronized(True)
        (False, True)
    """
    return current_strategy().num_replicas_in_sync > 1 if synchronized is None else synchronized


def check_counts(owner: str, *, low: int = 1, **counts: int) -> None:
    """Check that numbers are whole and large enough: Keras builds layers without filters, and oneDNN aborts on some.

    Args:
        owner: What has the arguments.
        low: Smallest number allowed.
        **counts: The arguments by name.

    Raises:
        ValueError: An argument does not fit.
    """
    for name, value in counts.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < low:
            raise ValueError(f"{owner}: {name} must be a whole number of at least {low}; got {value!r}.")


def batch_normalization(
    name: str, *, synchronized: bool | None = None, dtype: str | keras.DTypePolicy | None = None
) -> keras.layers.BatchNormalization:
    """Create a batch normalization with the originals' epsilon, 1e-5, and momentum, 0.9.

    Args:
        name: Name of the layer.
        synchronized: Take the statistics over all replicas under `tf.distribute`; None where the current strategy has
            several.
        dtype: Dtype or policy of the layer.

    Returns:
        keras.layers.BatchNormalization.
    """
    return keras.layers.BatchNormalization(
        momentum=NORM_MOMENTUM, epsilon=NORM_EPSILON, synchronized=is_synchronized(synchronized), dtype=dtype, name=name
    )


def kaiming_fan_out(seed: int | None = None) -> keras.initializers.Initializer:
    """Create the release's initializer of convolutions: normal with variance 2 / (outputs x kernel size).

    Args:
        seed: Random seed.

    Returns:
        keras.initializers.Initializer.

    Example:
        >>> kaiming_fan_out(seed=0)((3, 3, 1, 8)).shape
        TensorShape([3, 3, 1, 8])
    """
    return keras.initializers.VarianceScaling(2.0, mode="fan_out", distribution="untruncated_normal", seed=seed)


def derive_seed(seed: int | None, *, name: str) -> int | None:
    """Derive the seed of one weight or layer from the seed of the whole that contains it.

    The result is the same in every run and different for every name. Two weights drawn with the same seed would start
    as equal numbers, or as multiples of each other.

    Args:
        seed: Seed of the whole, or None.
        name: Name of the weight or layer, unique within the whole.

    Returns:
        int, or None without a seed.

    Example:
        >>> derive_seed(0, name="conv2"), derive_seed(0, name="conv4"), derive_seed(None, name="conv4")
        (2379828957, 1689971688, None)
    """
    return None if seed is None else zlib.crc32(f"{seed}/{name}".encode())
