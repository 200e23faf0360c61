"""A function over a batch, one slice after the other, in the memory of one."""

import tensorflow as tf


def in_slices(num_slices, function, tensors, dtypes, sums=(), wait_for=()):
    """Apply a function to each slice of a batch; join what it gives, and add up what it adds.

    A loop of the graph, so that no two slices are in memory at once and the graph does not grow with their number.

    Args:
        num_slices: must divide the batch.
        function: takes one slice of each tensor; gives (results, addends), two lists of tensors. Results have the slice's
            clips first; addends are as `sums`.
        tensors: each [batch, ...].
        dtypes: of the results.
        sums: what the addends are added to.
        wait_for: tensors that must be there before the first slice begins.

    Returns:
        (results, sums): results [batch, ...].

    Raises:
        ValueError: a batch of known size that does not divide; the numbers are named.

    Example:
        >>> double = lambda x: ([2 * x], [tf.reduce_sum(x)])
        >>> (doubled,), (total,) = in_slices(2, double, [tf.constant([1.0, 2.0, 3.0, 4.0])], ["float32"], [0.0])
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


def slice_size(tensor, num_slices):
    """Clips of one slice: a number where the batch is known, a tensor where it is not."""
    batch = tensor.shape[0]
    if batch is None:
        return tf.shape(tensor)[0] // num_slices
    if batch % num_slices:
        raise ValueError(
            f"a batch of {batch} clips does not divide into {num_slices} slices; take a number that divides {batch}"
        )
    return batch // num_slices


def take(tensor, number, size):
    """The clips of one slice."""
    rest = tf.shape(tensor)[1:]
    part = tf.slice(tensor, tf.concat([[number * size], tf.zeros_like(rest)], 0), tf.concat([[size], rest], 0))
    part.set_shape([size if isinstance(size, int) else None, *tensor.shape[1:]])
    return part
