"""On how many devices a step runs, chosen by one word."""

import atexit
import contextlib
import faulthandler
import signal
import sys
import threading

import tensorflow as tf

from tf3dlocal.layers.forms import has_accelerator
from tf3dlocal.onednn import has_onednn
from tf3dlocal.training.cluster import EXAMPLE, Cluster

# How long a worker waits for the others to start: the queue of a cluster may give machines out minutes apart.
PATIENCE_SECONDS = 600

# How long the end of a worker may take, in which TensorFlow may wait for another that is gone.
ENDING_SECONDS = 60

FEWEST_STEPS = 200  # of a training that repays its compilation

STRATEGIES = ("auto", "none", "mirrored", "multi_worker", "tpu")


def make_strategy(name: str = "auto") -> tf.distribute.Strategy:
    """The `tf.distribute` strategy of a training.

        auto          what is there: several workers in TF_CONFIG, else a TPU, else all GPUs of this machine if there are
                      several, else one device
        none          one device
        mirrored      all GPUs of this machine, or all logical CPU devices where there is no GPU
        multi_worker  the processes of TF_CONFIG, each with all its GPUs (or its CPU); see `Cluster`
        tpu           the TPU of this machine, or the one that TPU_NAME names

    Batches are given whole; each replica takes an equal share of them. Models, losses and metrics here are made so that
    the result is that of one device: triplets are mined in the whole batch and batch normalization is synchronised.

    With several workers this must come before anything that starts TensorFlow's devices, and it returns when all workers
    can be reached.

    Args:
        name: one of the words.

    Raises:
        ValueError: another word, TF_CONFIG is wrong or missing, there is no TPU.

    Example:
        >>> make_strategy("none").num_replicas_in_sync
        1
    """
    if name not in STRATEGIES:
        raise ValueError(f"strategy is {name!r}: use {', '.join(STRATEGIES[:-1])} or {STRATEGIES[-1]}")
    # Read first: a look at the devices would start TensorFlow, and then it is too late to join other workers.
    cluster = Cluster.joined_by(name)
    if name == "multi_worker" and cluster is None:
        raise ValueError(
            "strategy is 'multi_worker', and the environment variable TF_CONFIG, which names the workers, is not set; an "
            f"example: {EXAMPLE}. On one machine use auto or mirrored"
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


def _multi_worker(cluster):
    try:
        with _patience(cluster), _signals_kept():
            strategy = tf.distribute.MultiWorkerMirroredStrategy()
            strategy.reduce("SUM", 1.0, axis=None)  # the chief is ready at once: here it waits for the others
    except RuntimeError as error:
        if "program startup" not in str(error):
            raise
        raise RuntimeError(
            "several workers must be joined before TensorFlow looks at its devices, and in this process it has: call "
            "make_strategy or run_experiment first, in a fresh process"
        ) from error
    atexit.register(end_soon)
    return strategy


def end_soon() -> None:
    """The system ends the process if it is still there in ENDING_SECONDS; its exit code is not zero then."""
    if hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(ENDING_SECONDS)


@contextlib.contextmanager
def _patience(cluster):
    """Ends the process if the block takes too long.

    TensorFlow waits for other workers inside one call that lets no other Python code run: neither a thread of ours nor
    an interrupt could end it. What faulthandler starts is not Python, and can.
    """
    others = ", ".join(address for i, address in enumerate(cluster.addresses) if i != cluster.index)
    if others:
        print(
            f"worker {cluster.index} of {len(cluster.addresses)} waits for {others}; it ends with an error (Timeout) after "
            f"{PATIENCE_SECONDS} seconds",
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
    """SIGTERM does afterwards what it did before.

    TensorFlow catches it to save the state of a preempted worker, which is not used here: a worker that waits for another
    could then be ended by SIGKILL only.
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
    except (
        Exception
    ) as error:  # whatever the resolver meets where there is no TPU: ValueError, NotFoundError, a request
        raise ValueError(
            f"strategy is 'tpu', and no TPU was found ({str(error).strip().splitlines()[0]}): run on a TPU machine, name "
            "the TPU in the environment variable TPU_NAME, or use auto"
        ) from error
    return tf.distribute.TPUStrategy(resolver)


def can_jit_compile(strategy: tf.distribute.Strategy) -> bool:
    """Whether `model.fit` can compile its step with XLA: over several replicas Keras cannot, and a TPU does so anyway."""
    return strategy.num_replicas_in_sync == 1 and not isinstance(strategy, tf.distribute.TPUStrategy)


def choose_jit_compile(setting: bool | str, strategy: tf.distribute.Strategy, steps: int) -> bool:
    """Resolve training.jit_compile: True and False stay, where they can; "auto" compiles on one CPU without oneDNN.

    There a compiled step takes half to two thirds of the time (see `tf3dlocal.layers.choose_form`), but making it costs
    one to two minutes of processor time, so a training of less than `FEWEST_STEPS` steps is not compiled. The answer does not
    depend on where a training resumes. With oneDNN's convolutions the step that is not compiled is the faster one (see
    `tf3dlocal.onednn`). Accelerators: not before somebody has measured it there.
    """
    if not can_jit_compile(strategy):
        return False
    if setting != "auto":
        return setting
    return not has_accelerator() and not has_onednn() and steps >= FEWEST_STEPS
