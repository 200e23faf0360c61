"""A function over a batch, slice by slice, in the memory of one slice."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from tf3dlocal.io.types import Tensor


def in_slices(
    function: Callable[..., tuple[list, list]],
    *,
    num_slices: int,
    tensors: Sequence[Tensor],
    dtypes: Sequence[str],
    sums: Sequence[Tensor] = (),
    wait_for: Sequence[Tensor] = (),
) -> tuple[list[Tensor], list[Tensor]]:
    """Apply a function to each slice of a batch; join its results, and add up its addends.

    It is a loop of the graph: no two slices are in memory at once, and the graph does not grow with their number.

    Args:
        function: Takes one slice of each tensor and gives (results, addends), two lists of tensors. The first axis of a
            result is the clips of the slice; addends have the shapes of `sums`.
        num_slices: Must divide the batch.
        tensors: Each [batch, ...].
        dtypes: Of the results.
        sums: Tensors that the addends are added to.
        wait_for: Tensors that must be computed before the first slice begins.

    Returns:
        (results, sums): results [batch, ...].

    Raises:
        ValueError: The batch does not divide into the slices; the numbers are named.

    Example:
        >>> double = lambda x: ([2 * x], [tf.reduce_sum(x)])
        >>> (doubled,), (total,) = in_slices(
        ...     double, num_slices=2, tensors=[tf.constant([1.0, 2.0, 3.0, 4.0])], dtypes=["float32"], sums=[0.0]
        ... )
        >>> doubled.numpy().tolist(), float(total)
        ([2.0, 4.0, 6.0, 8.0], 10.0)
    """
    size = slice_size(tensors[0], num_slices)
    shapes = [None] * len(dtypes)

    def one_slice(number, results, sums):
        parts, addends = function(*(take(tensor, number, size) for tensor in tensors))
        shapes[:] = [part.shape[1:] for part in parts]
        results = [result.write(number, part) for result, part in zip(results, parts, strict=True)]
        return number + 1, results, [total + addend for total, addend in zip(sums, addends, strict=True)]

    with tf.control_dependencies(wait_for):
        first = tf.identity(0)
    arrays = [tf.TensorArray(dtype, num_slices, infer_shape=False) for dtype in dtypes]
    state = (first, arrays, [tf.convert_to_tensor(total) for total in sums])
    _, arrays, sums = tf.while_loop(lambda number, *_: number < num_slices, one_slice, state, parallel_iterations=1)
    results = []
    for array, shape in zip(arrays, shapes, strict=True):
        stacked = array.stack()  # n b ..
        stacked.set_shape([num_slices, size if isinstance(size, int) else None, *shape])
        result = tf.reshape(stacked, tf.concat([[-1], tf.shape(stacked)[2:]], axis=0))
        results.append(tf.ensure_shape(result, [tensors[0].shape[0], *shape]))
    return results, list(sums)


def slice_size(tensor: Tensor, num_slices: int) -> int | Tensor:
    """Return the number of clips of one slice: an int if the batch size is known, else a tensor."""
    batch = tensor.shape[0]
    if batch is None:
        return tf.shape(tensor)[0] // num_slices
    if batch % num_slices:
        raise ValueError(
            f"A batch of {batch} clips does not divide into {num_slices} slices. Use a number that divides {batch}."
        )
    return batch // num_slices


def take(tensor: Tensor, number: Tensor, size: int | Tensor) -> Tensor:
    """Return the clips of one slice."""
    rest = tf.shape(tensor)[1:]
    part = tf.slice(tensor, tf.concat([[number * size], tf.zeros_like(rest)], 0), tf.concat([[size], rest], 0))
    part.set_shape([size if isinstance(size, int) else None, *tensor.shape[1:]])
    return part
