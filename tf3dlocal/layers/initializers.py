"""How the authors' code draws the first weights."""

import keras


def kaiming_fan_out(seed=None):
    """Normal with variance 2 / (outputs x kernel size): the release's start of every convolution and part-wise matrix.

    Example:
        >>> kaiming_fan_out(seed=0)((3, 3, 1, 8)).shape
        TensorShape([3, 3, 1, 8])
    """
    return keras.initializers.VarianceScaling(2.0, mode="fan_out", distribution="untruncated_normal", seed=seed)
