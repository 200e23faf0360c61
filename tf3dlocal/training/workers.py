"""The processes that train one model together: what they agree on, who keeps the results, and what to say if one is lost."""

import atexit
import contextlib
import dataclasses
import functools
import os
import pathlib
import secrets
import sys
import tempfile
import time
import zlib
from collections.abc import Callable

import tensorflow as tf

from tf3dlocal.config import ConfigError
from tf3dlocal.training.cluster import Cluster
from tf3dlocal.training.lost_worker_error import LostWorkerError
from tf3dlocal.training.run_lock import run_lock
from tf3dlocal.training.strategy import end_soon

# A network file system may show a new file late to those who have just looked for it; NFS by default up to a minute.
SECONDS_UNTIL_SEEN = 90

# What TensorFlow raises from a step when it finds that another worker is gone; it asks them every few seconds.
LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError, tf.errors.CancelledError)
LOST += (tf.errors.FailedPreconditionError,)

TEMPORARY: list[tempfile.TemporaryDirectory] = []  # folders of this process; Python removes them where it ends as usual


class Workers:
    """The workers of a strategy; a training in one process is one worker.

    All workers do the same in the same order, also where they write, because a step, a metric that is read and a
    checkpoint can make them talk to each other, and one that is absent would be waited for. The chief writes into the run
    folder, the others into a folder of their own that is thrown away. The run folder must be on a file system that all
    share: each worker reads the checkpoint that it goes on from.

    Args:
        strategy: what `make_strategy` gave.

    Example:
        >>> Workers(tf.distribute.get_strategy()).is_chief
        True
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        self.strategy = strategy
        several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        cluster = Cluster.from_environment() if several else None
        self.addresses = cluster.addresses if cluster else ("this process",)
        self.index = cluster.index if cluster else 0
        self.is_chief = self.index == 0

    def meet(self, run, config, fingerprint: str = "") -> None:
        """Wait for all workers, and make sure that they mean the same training in the same folder.

        Args:
            run: the shared RunFolder; a file is written into it for a moment.
            config: of this worker.
            fingerprint: of this worker's data set.

        Raises:
            ConfigError: config, data set or folder differ; all workers raise it, and it names those that differ.
        """
        if len(self.addresses) == 1:
            return
        token, _, texts, data = self.together(secrets.randbits(62), 0, digest(config.to_text()), digest(fingerprint)).T
        self.same("another config", texts, "start all workers with the same config and --set")
        self.same("another data set", data, "prepare it once, and copy it or read it from a shared file system")
        mark = run.path / f"{run.WORKERS_MARK}{token[0]:016x}"
        with self.marked(mark):
            seen = self.is_chief or appears(mark)
            steps = run.checkpoint_steps()
            seen, last = self.together(int(seen), steps[-1] if steps else 0).T
        way_out = "put the run folder on a file system that all workers share, under the same path"
        self.same(f"no sight of what the chief writes into {run.path.absolute()}", seen, way_out)
        self.same(f"another last checkpoint in {run.path.absolute()}", last, way_out)

    @contextlib.contextmanager
    def hold(self, run):
        """The chief holds the run folder for all workers while the block runs; gives whether it is ours, see `run_lock`."""
        with run_lock(run) if self.is_chief else contextlib.nullcontext(True) as ours:
            yield bool(self.together(int(ours)).all()) if len(self.addresses) > 1 else ours

    def agree_on(self, restored, run) -> None:
        """Make sure that all workers go on behind the same step: what one could read, another may have found damaged.

        Raises:
            ConfigError: on all workers; it names those that differ.
        """
        if len(self.addresses) > 1:
            steps = self.together(restored.step)[:, 0]
            found = " and ".join(str(step) for step in sorted(set(steps.tolist())))
            way_out = (
                f"they found steps {found}; see which checkpoints each of them can read, and start all of them again"
            )
            self.same(f"another newest whole checkpoint in {run.path.absolute()}", steps, way_out)

    @contextlib.contextmanager
    def marked(self, mark: pathlib.Path):
        """A file that the chief writes and takes away again when all have looked."""
        if not self.is_chief:
            yield
            return
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
        try:
            yield
        finally:
            mark.unlink(missing_ok=True)

    def same(self, what: str, values, way_out: str) -> None:
        """Raise ConfigError if a worker's value is not the chief's."""
        others = [f"{index} ({self.addresses[index]})" for index, value in enumerate(values) if value != values[0]]
        if others:
            raise ConfigError(
                f"of {len(self.addresses)} workers, worker {' and '.join(others)} {'has' if len(others) == 1 else 'have'} "
                f"{what}, seen from worker 0 ({self.addresses[0]}): {way_out}"
            )

    def own_folder(self, run, restored):
        """Where this worker writes: (RunFolder, Restored), the run folder itself on the chief.

        Another worker gets a new folder that vanishes with the process. It leaves damaged checkpoints to the chief.
        """
        if self.is_chief:
            return run, restored
        folder = tempfile.TemporaryDirectory(prefix=f"tf3dlocal-worker-{self.index}-", ignore_cleanup_errors=True)
        TEMPORARY.append(folder)
        return type(run)(folder.name), dataclasses.replace(restored, damaged=())

    def named_as_shared(self, save, own, shared):
        """The function `save`, with the file that it writes into the folder `own` named as the chief's in the shared one.

        A worker's own folder is gone before anybody could look there.
        """
        return lambda **what: shared.path / save(**what).relative_to(own.path)

    def share(self, make_batches: Callable[..., tf.data.Dataset]):
        """What this worker reads of a training's batches, for `model.fit`: all of them for one worker.

        The strategy's own splitting would leave the order to rules about files and options, and have every worker decode
        every walk. Here it is plain: with W workers of L replicas each, replica l of worker w has part w * L + l of W * L
        equal parts of each batch, and a worker reads its own walks alone.

        Args:
            make_batches: gives the batches, or with part=(index, num_parts) that part of each, see `training_batches`.
        """
        if len(self.addresses) == 1:
            return make_batches()

        def own(context):
            num_workers, worker = context.num_input_pipelines, context.input_pipeline_id
            num_local = context.num_replicas_in_sync // num_workers

            def cut(tensor):
                return tf.reshape(tensor, [num_local, tensor.shape[0] // num_local, *tensor.shape[1:]])

            batches = make_batches(part=(worker, num_workers))
            return batches.map(lambda *batch: tf.nest.map_structure(cut, batch)).unbatch().prefetch(2 * num_local)

        return self.strategy.distribute_datasets_from_function(own)

    def wait(self) -> None:
        """Return when all workers have come here: who ends first would look lost to the others."""
        if len(self.addresses) > 1:
            self.together(0)

    @functools.cached_property  # TensorFlow warns of a function that is made anew for each call
    def gather(self):
        """Function that puts the rows of all replicas under each other."""

        @tf.function
        @tf.autograph.experimental.do_not_convert
        def gather(mine):
            # The copy is on the replica's own device, which the gathering asks for.
            return self.strategy.run(lambda: tf.distribute.get_replica_context().all_gather(tf.identity(mine), axis=0))

        return gather

    def together(self, *numbers: int):
        """The numbers of all workers, int64 [workers, numbers], the same on each of them."""
        mine = tf.constant([[self.index, *numbers]], tf.int64)
        rows = self.strategy.experimental_local_results(self.gather(mine))[0].numpy()  # one per replica
        rows = rows[rows[:, 0].argsort(kind="stable")]
        return rows[:: len(rows) // len(self.addresses), 1:]


@contextlib.contextmanager
def names_lost_workers():
    """Turns what TensorFlow raises in several workers when one is gone into a LostWorkerError; also a decorator.

    The process can do nothing more with TensorFlow, and it ends: with exit code 1 when its program does, and by the system
    if that takes longer than a minute. TensorFlow's clean-up would at times wait for the lost worker for ever.
    """
    try:
        yield
    except LOST as error:
        cluster = Cluster.from_environment()
        if cluster is None or len(cluster.addresses) == 1:
            raise
        atexit.register(end_now)
        end_soon()
        reason = next((line for line in str(error).splitlines() if "task:" in line or "peer" in line), error.message)
        raise LostWorkerError(
            f"worker {cluster.index} of {len(cluster.addresses)} ({cluster.addresses[cluster.index]}) lost another worker and "
            f"ends: {reason.strip()}\nWhy the other ended stands in its own log. Start all workers again with the same "
            "call, and the training goes on from the last checkpoint"
        ) from error


def end_now():
    """The end of the process without TensorFlow's clean-up."""
    for folder in TEMPORARY:
        folder.cleanup()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def digest(text: str) -> int:
    return zlib.crc32(text.encode())


def appears(file: pathlib.Path) -> bool:
    """Whether a file comes into sight within a while; the folder is listed, which asks a network file system anew."""
    end = time.monotonic() + SECONDS_UNTIL_SEEN
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if file.name in {path.name for path in file.parent.iterdir()}:
                return True
        time.sleep(0.2)
    return False
