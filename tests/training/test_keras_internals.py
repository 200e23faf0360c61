"""The private names of Keras and TensorFlow that training uses; with other versions a test names what changed."""

import inspect
import pathlib
import re

import keras
import pytest
import tensorflow as tf

from tf3dlocal.training import keras_internals
from tf3dlocal.training.keras_internals import (
    CHECKED,
    LocalSymbolicBuild,
    called_function,
    calls_in_order,
    variable_index,
)

PACKAGE = pathlib.Path(keras_internals.__file__).parent


def small_model():
    x = keras.Input((3,), name="x")
    shared = keras.layers.Dense(3, name="shared")
    y = keras.layers.Add(name="sum")([shared(x), shared(shared(x))])
    return keras.Model(x, y)


def test_the_versions_are_those_that_were_checked():
    found = {"keras": keras.__version__, "tensorflow": tf.__version__}
    assert {name: version.rpartition(".")[0] for name, version in found.items()} == CHECKED, (
        "These versions were not checked: run this file, and if it passes, set keras_internals.CHECKED."
    )


def test_function_nodes_by_depth_gives_each_call_after_those_it_reads():
    model = small_model()
    calls = calls_in_order(model)
    assert [call.operation.name for call in calls] == ["shared", "shared", "shared", "sum"], (
        "Function._nodes_by_depth has changed: calls_in_order must give every call of a shared layer."
    )
    known = {id(tensor) for tensor in model.inputs}
    for call in calls:
        assert {id(tensor) for tensor in call.arguments.keras_tensors} <= known
        known |= {id(tensor) for tensor in call.outputs}
    inputs = {id(tensor): number for number, tensor in enumerate(calls[-1].arguments.keras_tensors)}
    args, kwargs = calls[-1].arguments.fill_in(inputs)
    assert (list(args[0]), kwargs) == ([0, 1], {}), "SymbolicArguments.fill_in has changed."


def test_optimizer_get_variable_index_knows_keras_variables_and_those_of_a_replica():
    first, second = keras.Variable([1.0]), keras.Variable([2.0])
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build([first, second])
    found = [variable_index(optimizer, variable) for variable in (second, first, second.value)]
    assert found == [1, 0, 1], "Optimizer._get_variable_index has changed: optimizer.rates would reach other variables."


def test_graph_functions_holds_the_graph_of_a_function_that_is_called():
    inner = tf.function(lambda x: tf.matmul(x, x))
    graph = tf.function(lambda x: inner(x)).get_concrete_function(tf.TensorSpec((2, 2))).graph
    call = next(operation for operation in graph.get_operations() if "PartitionedCall" in operation.type)
    operations = called_function(graph, call.get_attr("f").name).get_operations()
    assert "MatMul" in {operation.type for operation in operations}, "Graph._functions has changed."
    with pytest.raises(ValueError, match="The function 'nowhere' is not in the graph"):
        called_function(graph, "nowhere")


def test_fit_calls_maybe_symbolic_build_with_its_iterator():
    called = []

    class Noted(LocalSymbolicBuild, keras.Model):
        def _maybe_symbolic_build(self, iterator=None, data_batch=None):
            called.append(iterator)
            super()._maybe_symbolic_build(iterator, data_batch)

    x = keras.Input((3,))
    model = Noted(x, keras.layers.Dense(1)(x))
    model.compile("sgd", "mse")
    model.fit(tf.ones((4, 3)), tf.ones((4, 1)), batch_size=2, verbose=0)
    assert called and called[0] is not None, "fit no longer calls _maybe_symbolic_build: several workers cannot train."
    parameters = list(inspect.signature(keras.Model._maybe_symbolic_build).parameters)
    assert parameters == ["self", "iterator", "data_batch"], "The arguments of _maybe_symbolic_build have changed."


def test_a_missing_internal_is_an_error_that_names_the_version_to_install():
    with pytest.raises(RuntimeError, match=r"keras .* has no object._nodes_by_depth, .* Install keras 3.15"):
        calls_in_order(object())


def test_no_other_file_of_training_uses_a_private_name():
    private = re.compile(r"(?<!\bself)(?<!\bcls)(?<!super\(\))\._[a-z]\w+|tensorflow\.python")
    found = {
        f"{file.relative_to(PACKAGE)}: {match.group()}"
        for file in PACKAGE.rglob("*.py")
        if file.name != "keras_internals.py"
        for match in private.finditer(re.sub(r"`[^`]*`", "", file.read_text(encoding="utf-8")))
    }
    assert found <= {"distributed/lost_workers.py: ._exit"}, found  # os._exit
