"""The processes that train one model together: what they agree on, and which of them writes."""

import contextlib
import dataclasses
import functools
import pathlib
import secrets
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.training.distributed.cluster import Cluster
from tf3dlocal.training.distributed.lost_workers import TEMPORARY
from tf3dlocal.training.distributed.strategy import computing_devices, make_strategy
from tf3dlocal.training.run.checkpoint import Restored, not_finite
from tf3dlocal.training.run.run_folder import RunFolder
from tf3dlocal.training.start_from import start_from

# A network file system may show a new file late to those who have just looked for it; NFS by default up to a minute.
SECONDS_UNTIL_SEEN = 90


class Workers:
    """The workers of a strategy; a training in one process is one worker.

    All workers do the same in the same order, also where they write: a step, a metric that is read and a checkpoint can
    communicate, and a worker that is absent would be waited for. The chief writes into the run folder, each other
    worker into a temporary folder. The run folder must be on a file system that all share: each worker reads the
    checkpoint.

    Args:
        strategy: What `make_strategy` gave.

    Example:
        >>> Workers(tf.distribute.get_strategy()).is_chief
        True
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        self.strategy = strategy
        is_several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        cluster = Cluster.from_environment() if is_several else None
        self.addresses = cluster.addresses if cluster else ("this process",)
        self.index = cluster.index if cluster else 0
        self.is_chief = self.index == 0

    @classmethod
    def start(cls, strategy: str) -> "Workers":
        """Start the devices of a training.strategy and join the other workers; see `make_strategy`."""
        return cls(make_strategy(strategy))

    @property
    def devices(self) -> str:
        """Number and kind of all devices, for the user."""
        return computing_devices(self.strategy)

    def meet(self, run: RunFolder, *, config: Experiment, fingerprint: str = "") -> None:
        """Wait for all workers, and make sure that they mean the same training in the same folder.

        Args:
            run: The shared folder; for a moment a file is written into it.
            config: Of this worker.
            fingerprint: Of this worker's data set.

        Raises:
            ConfigError: Config, data set or folder differ; all workers raise it, and it names those that differ.
        """
        if len(self.addresses) == 1:
            return
        token, _, texts, data = self.together(secrets.randbits(62), 0, digest(config.to_text()), digest(fingerprint)).T
        self._check_same("another config", texts, "Start all workers with the same config and --set.")
        self._check_same("another data set", data, "Prepare it once, and copy it or read it from a shared file system.")
        mark = run.path / f"{run.WORKERS_MARK}{token[0]:016x}"
        with self._marked(mark):
            is_seen = self.is_chief or appears(mark)
            steps = run.checkpoint_steps()
            is_seen, last = self.together(int(is_seen), steps[-1] if steps else 0).T
        solution = "Put the run folder on a file system that all workers share, under the same path."
        self._check_same(f"no sight of what the chief writes into {run.path.absolute()}", is_seen, solution)
        self._check_same(f"another last checkpoint in {run.path.absolute()}", last, solution)

    @contextlib.contextmanager
    def hold(self, run: RunFolder) -> Iterator[bool]:
        """Let the chief hold the run folder for all workers during a block; gives False if another call holds it."""
        with run.hold() if self.is_chief else contextlib.nullcontext(True) as is_held:
            yield self.all_agree(is_held)

    def restore(self, run: RunFolder, *, model: keras.Model, config: Experiment, is_held: bool) -> Restored:
        """Load the newest intact checkpoint on all workers, or before the first step the weights to start from.

        Args:
            run: The shared folder; nothing is written.
            model: compiled.
            config: Of the training.
            is_held: What `hold` gave; if False, only a finished training is restored.

        Raises:
            ConfigError: Another call holds the folder, the workers can read different checkpoints, or the weights to
                start from are not finite.
            ValueError: No checkpoint can be read, see `RunFolder.restore`.
        """
        with self.strategy.scope():
            restored = run.restore(model) if is_held or run.is_finished(config) else Restored()
            if not is_held and restored.step < config.training.steps:
                raise run.in_use()
            self.agree_on(restored.step, run=run)
            if not restored.step and config.training.start_from:
                new_layers = start_from(model, config.training.start_from)
                if name := not_finite(model):
                    raise ConfigError(
                        f"training.start_from: {config.training.start_from} holds weights that are not finite numbers, "
                        f"in {name}. Give a model whose training did not diverge."
                    )
                restored = dataclasses.replace(restored, new_layers=tuple(new_layers))
        return restored

    def agree_on(self, step: int, *, run: RunFolder) -> None:
        """Make sure that all workers resume from the same step: what one can read, another may find damaged.

        Raises:
            ConfigError: On all workers; it names those that differ.
        """
        if len(self.addresses) > 1:
            steps = self.together(step)[:, 0]
            found = " and ".join(str(one) for one in sorted(set(steps.tolist())))
            solution = (
                f"They found steps {found}. See which checkpoints each of them can read, and start all of them again."
            )
            self._check_same(f"another newest intact checkpoint in {run.path.absolute()}", steps, solution)

    def claim(
        self, run: RunFolder, *, config: Experiment, data_set: dict, restored: Restored, is_held: bool
    ) -> RunFolder:
        """Prepare the folder that this worker writes into; see `RunFolder.claim`.

        Returns:
            The run folder itself on the chief; on another worker a temporary folder that vanishes with the process.
        """
        if self.is_chief:
            if is_held:
                run.claim(config, data_set=data_set, restored=restored)
            return run
        folder = tempfile.TemporaryDirectory(prefix=f"tf3dlocal-worker-{self.index}-", ignore_cleanup_errors=True)
        TEMPORARY.append(folder)
        own = RunFolder(folder.name, shared=run)
        own.claim(config, data_set=data_set, restored=dataclasses.replace(restored, damaged=()))
        return own

    def share(self, make_batches: Callable[..., tf.data.Dataset]) -> tf.data.Dataset | tf.distribute.DistributedDataset:
        """Return what this worker reads of a training's batches, for `model.fit`: all of them for one worker.

        The strategy's own splitting leaves the order to rules about files and options, and each worker would decode
        every walk. Here, with W workers of L replicas each, replica l of worker w has part w * L + l of W * L equal
        parts of each batch, and a worker reads its own walks only.

        Args:
            make_batches: Gives the batches, or with part=(index, num_parts) that part of each, see `training_batches`.
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
        """Return when all workers have come here: one that ends first would look lost to the others."""
        if len(self.addresses) > 1:
            self.together(0)

    def all_agree(self, holds: bool) -> bool:
        """Return whether something holds on all workers."""
        return bool(self.together(int(holds)).all()) if len(self.addresses) > 1 else holds

    def together(self, *numbers: int) -> np.ndarray:
        """Return the numbers of all workers, int64 [workers, numbers], the same on each of them."""
        mine = tf.constant([[self.index, *numbers]], tf.int64)
        rows = self.strategy.experimental_local_results(self._gather(mine))[0].numpy()  # one per replica
        rows = rows[rows[:, 0].argsort(kind="stable")]
        return rows[:: len(rows) // len(self.addresses), 1:]

    @functools.cached_property  # TensorFlow warns of a function that is made anew for each call
    def _gather(self):
        """Function that joins the rows of all replicas."""

        @tf.function
        @tf.autograph.experimental.do_not_convert
        def gather(mine):
            # The copy is on the replica's own device, which the gathering requires.
            return self.strategy.run(lambda: tf.distribute.get_replica_context().all_gather(tf.identity(mine), axis=0))

        return gather

    @contextlib.contextmanager
    def _marked(self, mark: pathlib.Path):
        """A file that the chief writes and removes when all have looked."""
        if not self.is_chief:
            yield
            return
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
        try:
            yield
        finally:
            mark.unlink(missing_ok=True)

    def _check_same(self, what, values, solution):
        """Raise ConfigError if a worker's value is not the chief's."""
        others = [f"{index} ({self.addresses[index]})" for index, value in enumerate(values) if value != values[0]]
        if others:
            raise ConfigError(
                f"Of {len(self.addresses)} workers, worker {' and '.join(others)} "
                f"{'has' if len(others) == 1 else 'have'} {what}, seen from worker 0 ({self.addresses[0]}). {solution}"
            )


def digest(text: str) -> int:
    """Return a number that two equal texts share."""
    return zlib.crc32(text.encode())


def appears(file: pathlib.Path) -> bool:
    """Return whether a file becomes visible within a while; listing its folder refreshes a network file system."""
    end = time.monotonic() + SECONDS_UNTIL_SEEN
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if file.name in {path.name for path in file.parent.iterdir()}:
                return True
        time.sleep(0.2)
    return False
