"""Everything of this room that uses a private name of Keras or TensorFlow, checked against `CHECKED`.

tests/training/test_keras_internals.py has a test for each: with another version, run it first.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tf3dlocal.io.types import Tensor

CHECKED = {"keras": "3.15", "tensorflow": "2.21"}


class Call(NamedTuple):
    """One call of a layer or operation in a functional model.

    Attributes:
        operation: What is called.
        arguments: Keras' record of its arguments; `keras_tensors` are its symbolic inputs, and `fill_in` puts tensors
            in their place.
        outputs: Its symbolic outputs.
    """

    operation: Any
    arguments: Any
    outputs: Sequence[keras.KerasTensor]


def calls_in_order(model: keras.Model) -> list[Call]:
    """Return the calls that a functional model is made of, each after those that it reads.

    Uses `Function._nodes_by_depth`: the public `operations` lists a shared layer once and has no arguments of the
    calls.
    """
    by_depth = _internal(model, "_nodes_by_depth", package="keras")
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth] if not node.is_input]
    return [Call(node.operation, node.arguments, node.outputs) for node in nodes]


def variable_index(optimizer: keras.optimizers.Optimizer, variable: Tensor) -> int:
    """Return the position of a variable among those that an optimizer was built with.

    Uses `Optimizer._get_variable_index`: within a strategy `update_step` gets a replica's own TensorFlow variable,
    which has neither the identity nor the path of the Keras variable, and Keras alone keeps the relation between them.
    """
    return _internal(optimizer, "_get_variable_index", package="keras")(variable)


def called_function(graph: tf.Graph, name: str) -> tf.Graph:
    """Return the graph of a function that an operation of `graph` calls.

    Uses `Graph._functions`: the public `as_graph_def` has the functions without the shapes of their tensors.

    Raises:
        ValueError: Neither the graph nor one around it has the function.
    """
    while graph is not None:
        functions = _internal(graph, "_functions", package="tensorflow")
        if name in functions:
            return functions[name].graph
        graph = getattr(graph, "outer_graph", None)
    raise ValueError(f"The function {name!r} is not in the graph that calls it.")


class LocalSymbolicBuild:
    """Mixin of a `keras.Model` that can be fitted by several workers.

    Replaces `TensorFlowTrainer._maybe_symbolic_build`: to make the variables of losses and metrics before the first
    step, Keras reduces a batch over all replicas, and that fails for the batch of a worker, which holds only its own
    replicas. Here it gets the batch of one local replica.
    """

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        if iterator is not None and over_several_workers(self.distribute_strategy):
            _, _, batches = next(iter(iterator))
            local = self.distribute_strategy.experimental_local_results
            data_batch = keras.tree.map_structure(lambda values: local(values)[0], next(batches))
            iterator = None
        super()._maybe_symbolic_build(iterator, data_batch)


def over_several_workers(strategy: tf.distribute.Strategy) -> bool:
    """Return whether the replicas of a strategy are in more than one process; all names are public."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) and (
        strategy.num_replicas_in_sync > len(strategy.extended.worker_devices)
    )


def _internal(owner: Any, name: str, *, package: str) -> Any:
    """Return a private attribute, or raise an error that says which version to install."""
    try:
        return getattr(owner, name)
    except AttributeError as error:
        version = {"keras": keras.__version__, "tensorflow": tf.__version__}[package]
        raise RuntimeError(
            f"{package} {version} has no {type(owner).__name__}.{name}, which tf3dlocal needs. Install {package} "
            f"{CHECKED[package]}, which it was checked against."
        ) from error
