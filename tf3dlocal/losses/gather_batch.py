"""The whole batch, seen from one replica of a `tf.distribute` strategy."""


def gather_batch(*tensors):
    """Each tensor joined over all replicas along its batch axis; the tensors themselves where there is one replica.

    Triplets must be mined in the whole batch: with B walks on R replicas a replica alone sees B/R walks and 1/R^2 of
    the triplets. The gradient of the gathering sums over the replicas what each of them says about one replica's rows.
    Each replica computes the same loss L, of which Keras takes L/R when it reduces a mean, so a replica's features
    receive R * (dL/R) = dL, and summing the replicas' weight gradients gives exactly the gradient of one device.
    (Keras does not divide a scalar loss by R: return one value per part from `Loss.call`. Nor does it divide where it takes
    no mean: see `share_of_replica`.)

    Args:
        *tensors: each [local batch, ...]; the local batches of all replicas are equally large.

    Returns:
        a list of tensors [batch, ...], in the order of the replicas.

    Example:
        >>> from keras import ops
        >>> [t.numpy().tolist() for t in gather_batch(ops.array([1, 2]))]
        [[1, 2]]
    """
    replica = one_of_several_replicas()
    return [replica.all_gather(tensor, axis=0) if replica else tensor for tensor in tensors]


def share_of_replica(whole):
    """What one replica adds to a number of the whole batch that every replica has: the R-th part of it.

    Example:
        >>> share_of_replica(2.0)
        2.0
    """
    replica = one_of_several_replicas()
    return whole / replica.num_replicas_in_sync if replica else whole


def one_of_several_replicas():
    """The context of the replica that a step runs on; None where there is only one, or no step."""
    import tensorflow as tf

    replica = tf.distribute.get_replica_context()
    return replica if replica is not None and replica.num_replicas_in_sync > 1 else None
