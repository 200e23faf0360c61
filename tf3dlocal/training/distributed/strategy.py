"""The devices of a training, chosen by one word."""

import contextlib
import faulthandler
import signal
import sys
import threading

import tensorflow as tf

from tf3dlocal.io import has_accelerator
from tf3dlocal.training.distributed.cluster import EXAMPLE, Cluster
from tf3dlocal.training.distributed.lost_workers import end_soon_at_exit

# How long a worker waits for the others to start: the queue of a cluster may start machines minutes apart.
PATIENCE_SECONDS = 600

STRATEGIES = ("auto", "none", "mirrored", "multi_worker", "tpu")


def make_strategy(name: str = "auto") -> tf.distribute.Strategy:
    """Make the `tf.distribute` strategy of a training.

        auto          what there is: several workers in TF_CONFIG, else a TPU, else all GPUs of this machine if there
                      are several, else one device
        none          one device
        mirrored      all GPUs of this machine, or all logical CPU devices if there is no GPU
        multi_worker  the processes of TF_CONFIG, each with all its GPUs (or its CPU); see `Cluster`
        tpu           the TPU of this machine, or the one that TPU_NAME names

    Each replica takes an equal share of every batch. The models, losses and metrics of this package give the result of
    one device: triplets are mined in the whole batch and batch normalization is synchronised.

    With several workers this must be called before anything that starts TensorFlow's devices, and it returns when all
    workers can be reached.

    Args:
        name: One of the five words.

    Raises:
        ValueError: Another word, TF_CONFIG is wrong or missing, or there is no TPU.

    Example:
        >>> make_strategy("none").num_replicas_in_sync
        1
    """
    if name not in STRATEGIES:
        raise ValueError(f"The strategy is {name!r}. Use {', '.join(STRATEGIES[:-1])} or {STRATEGIES[-1]}.")
    # Read first: a look at the devices would start TensorFlow, and then it is too late to join other workers.
    cluster = Cluster.joined_by(name)
    if name == "multi_worker" and cluster is None:
        raise ValueError(
            "The strategy is 'multi_worker', and the environment variable TF_CONFIG, which names the workers, is not "
            f"set. An example: {EXAMPLE}. On one machine use auto or mirrored."
        )
    if name == "multi_worker" or (cluster and len(cluster.addresses) > 1):
        return _multi_worker(cluster)
    if name == "tpu" or (name == "auto" and tf.config.list_physical_devices("TPU")):
        return _tpu()
    gpus = tf.config.list_logical_devices("GPU")
    if name == "none" or (name == "auto" and len(gpus) < 2):
        return tf.distribute.get_strategy()
    devices = gpus or tf.config.list_logical_devices("CPU")
    # The plain sum over devices: NCCL exists for GPUs only.
    reduce = None if gpus else tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy([device.name for device in devices], cross_device_ops=reduce)


def computing_devices(strategy: tf.distribute.Strategy) -> str:
    """Return number and kind of the devices of a strategy, over all its workers.

    TensorFlow without the CUDA libraries computes on the CPU without a message, so the text says that it sees no GPU.

    Example:
        >>> computing_devices(make_strategy("none"))  # doctest: +SKIP
        'one CPU (TensorFlow sees no GPU)'
    """
    if isinstance(strategy, tf.distribute.TPUStrategy):
        kind = "TPU core"
    elif tf.config.list_logical_devices("GPU"):
        kind = "GPU"
    else:
        kind = "CPU"
    number = strategy.num_replicas_in_sync
    text = f"one {kind}" if number == 1 else f"{number} {kind}s"
    return f"{text} (TensorFlow sees no GPU)" if kind == "CPU" else text


def choose_jit_compile(setting: bool | str, *, strategy: tf.distribute.Strategy) -> bool:
    """Resolve training.jit_compile: whether XLA compiles the training step.

    True and False stay, except that `model.fit` cannot compile a step over several replicas, and a TPU compiles anyway.
    "auto" compiles on one GPU and not on a CPU. That is Keras' own "auto": in Keras 3.15
    `Trainer._resolve_auto_jit_compile` gives False if TensorFlow lists no device but CPUs, False under a
    `tf.distribute` strategy, and else True if every layer supports it. On a CPU XLA's conv3d is slower than oneDNN's.
    On a GPU this project has not measured it.

    Args:
        setting: True, False or "auto".
        strategy: Of the training.
    """
    if strategy.num_replicas_in_sync > 1 or isinstance(strategy, tf.distribute.TPUStrategy):
        return False
    return has_accelerator() if setting == "auto" else setting


def _multi_worker(cluster):
    try:
        with _patience(cluster), _signals_kept():
            strategy = tf.distribute.MultiWorkerMirroredStrategy()
            strategy.reduce("SUM", 1.0, axis=None)  # the chief is ready at once: here it waits for the others
    except RuntimeError as error:
        if "program startup" not in str(error):
            raise
        raise RuntimeError(
            "Several workers must be joined before TensorFlow starts its devices, and in this process it has started "
            "them. Call make_strategy or run_experiment first, in a new process."
        ) from error
    end_soon_at_exit()
    return strategy


@contextlib.contextmanager
def _patience(cluster):
    """End the process if the block takes too long.

    TensorFlow waits for other workers inside one call in which no other Python code runs: neither a thread nor an
    interrupt could end it. What faulthandler starts is not Python and can.
    """
    others = ", ".join(address for i, address in enumerate(cluster.addresses) if i != cluster.index)
    if others:
        print(
            f"Worker {cluster.index} of {len(cluster.addresses)} waits for {others}; it ends with an error (Timeout) "
            f"after {PATIENCE_SECONDS} seconds.",
            file=sys.stderr,
            flush=True,
        )
    faulthandler.dump_traceback_later(PATIENCE_SECONDS, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


@contextlib.contextmanager
def _signals_kept():
    """Restore what SIGTERM does.

    TensorFlow catches it to save the state of a preempted worker, which is not used here: a worker that waits for
    another could then be ended by SIGKILL only.
    """
    terminate = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if terminate is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, terminate)


def _tpu():
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect()
    except Exception as error:  # without a TPU the resolver raises ValueError, NotFoundError or an error of a request
        raise ValueError(
            f"The strategy is 'tpu', and no TPU was found ({str(error).strip().splitlines()[0]}). Run on a TPU "
            "machine, name the TPU in the environment variable TPU_NAME, or use auto."
        ) from error
    return tf.distribute.TPUStrategy(resolver)
