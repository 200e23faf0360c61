"""The gradient of a whole batch with the memory of a slice of it."""

from collections.abc import Callable

import keras
import tensorflow as tf

from tf3dlocal.io.types import Tensor
from tf3dlocal.training.accumulation.sections import GraphSections, graph_sections
from tf3dlocal.training.accumulation.slices import in_slices


def accumulated_gradients(
    model: keras.Model, *, inputs: Tensor, loss_of: Callable[..., Tensor], num_slices: int = 1
) -> tuple[dict[str, Tensor], list[Tensor | None]]:
    """Compute a model's outputs in training, and the gradient of a loss of the whole batch, in slices of the batch.

    Adding up the gradients of small batches would be another training: triplets are mined in the whole batch, and batch
    normalization uses the statistics of the whole batch. Here the model runs section by section (see `graph_sections`).
    Within a section the slices are computed one after the other, and only what later sections read is kept. Between
    sections are the steps that see the whole batch, and at the end the loss, once. Backward, each slice of a section is
    computed again and its gradients are added up. The result is that of the plain step except for rounding: batch
    normalizations update their moving statistics once, and dropout draws the same numbers. It costs one more forward
    pass.

    With one slice nothing is accumulated, but each section is computed again: the memory is that of one section.

    Args:
        model: A functional model whose layers without an argument `training` treat every clip by itself.
        inputs: Inputs of the model; the first axis is the batch.
        loss_of: Function of the model's outputs, in the model's structure, that gives a scalar.
        num_slices: Must divide the batch.

    Returns:
        (outputs, gradients): the outputs in the model's structure, and one gradient for each of
        model.trainable_variables, None if the loss does not depend on it.

    Raises:
        ValueError: The batch does not divide into the slices; the numbers are named.

    Example:
        >>> x = keras.Input((3,))
        >>> model = keras.Model(x, keras.layers.Dense(1, kernel_initializer="ones")(x))
        >>> outputs, (kernel, bias) = accumulated_gradients(
        ...     model, inputs=tf.ones((4, 3)), loss_of=tf.reduce_sum, num_slices=2
        ... )
        >>> bias.numpy().tolist()
        [4.0]
    """
    graph = graph_sections(model)
    step = _SlicedStep(graph, inputs=inputs, num_slices=num_slices)
    for section in graph.sections:
        step.forward(section)
    outputs = step.end(model, loss_of=loss_of)
    for section in reversed(graph.sections):
        for whole in reversed(section.whole):
            step.backward_whole(whole)
        step.backward_sliced(section)
    return outputs, [step.totals.get(id(variable)) for variable in model.trainable_variables]


class _SlicedStep:
    """What is kept between the sections of one step.

    Attributes:
        values: Tensors of the whole batch by key.
        states: What the states of a whole step were before it, by its name: computed again, it draws the same numbers.
        cotangents: Gradients of the loss by `values`, by key.
        totals: Gradients of the loss by variables, by their id.
    """

    def __init__(self, graph: GraphSections, *, inputs: Tensor, num_slices: int):
        self.graph, self.num_slices = graph, num_slices
        flat = zip(graph.inputs, keras.tree.flatten(inputs), strict=True)
        self.values = {key: tf.cast(tensor, graph.dtypes[key]) for key, tensor in flat}
        self.states = {}
        self.cotangents, self.totals = {}, {}

    def forward(self, section):
        """Compute a section; of the results of its slices only what is read later is kept."""

        def compute(*parts):
            tensors = dict(zip(section.reads, parts, strict=True))
            _run_steps(section.sliced, tensors)
            return [tensors[key] for key in section.writes], []

        if section.writes:
            results, _ = in_slices(
                compute,
                num_slices=self.num_slices,
                tensors=[self.values[key] for key in section.reads],
                dtypes=[self.graph.dtypes[key] for key in section.writes],
            )
            self.values.update(zip(section.writes, results, strict=True))
        for whole in section.whole:
            self.states[whole.name] = [(state, tf.identity(state.value)) for state in whole.states]
            _run_steps([whole], self.values)

    def end(self, model, *, loss_of):
        """Compute the end and the loss; they see vectors and no maps, so their gradient is the plain one."""
        made, variables = [key for key in self.values if key not in self.graph.inputs], model.trainable_variables
        with tf.GradientTape() as tape:
            tape.watch([self.values[key] for key in made])
            reached = dict(self.values)
            _run_steps(self.graph.end, reached)
            outputs = keras.tree.map_structure(lambda tensor: reached[id(tensor)], model.output)
            loss = loss_of(outputs)
        of_values, of_variables = tape.gradient(loss, ([self.values[key] for key in made], variables))
        self._add(made, of_values, variables=variables, of_variables=of_variables)
        return outputs

    def backward_sliced(self, section):
        """Compute the slices of a section again and add up their gradients."""
        given = [key for key in section.writes if key in self.cotangents]
        steps, leading = [], set(given)  # a step that leads to no cotangent is left out
        for step in reversed(section.sliced):
            if leading & set(step.writes):
                steps.insert(0, step)
                leading |= set(step.reads)
        if not steps:
            return
        reads = [key for key in section.reads if key in leading]
        wanted = [key for key in reads if key not in self.graph.inputs and self.values[key].dtype.is_floating]
        variables = list({id(variable): variable for step in steps for variable in step.variables}.values())

        def compute(*parts):
            tensors = dict(zip(reads, parts))
            sources = [tensors[key] for key in wanted]
            with tf.GradientTape() as tape:
                tape.watch(sources)
                _run_steps(steps, tensors)
            return tape.gradient(
                [tensors[key] for key in given],
                (sources, variables),
                output_gradients=parts[len(reads) :],
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )

        later = [self.cotangents.pop(key) for key in given]
        of_values, of_variables = in_slices(
            compute,
            num_slices=self.num_slices,
            tensors=[self.values[key] for key in reads] + later,
            dtypes=[self.values[key].dtype for key in wanted],
            sums=[tf.zeros(variable.shape, variable.dtype) for variable in variables],
            # Without waiting, the first slice would be computed again at once and kept during the whole forward pass.
            wait_for=later,
        )
        self._add(wanted, of_values, variables=variables, of_variables=of_variables)

    def backward_whole(self, step):
        """Compute a step over the whole batch again and add its gradients; moving statistics are not updated again."""
        given = [key for key in step.writes if key in self.cotangents]
        if not given:
            return
        later = [self.cotangents.pop(key) for key in given]
        before = list(self.totals.values())[-1:]  # so that the steps run one after the other, and not early
        with tf.control_dependencies([*later, *before]):
            tensors = {key: tf.identity(self.values[key]) for key in step.reads}
            with tf.GradientTape() as tape, self._as_before(step):
                tape.watch(list(tensors.values()))
                _run_steps([step], tensors)
            of_values, of_variables = tape.gradient(
                [tensors[key] for key in given],
                ([tensors[key] for key in step.reads], list(step.variables)),
                output_gradients=later,
            )
        self._add(step.reads, of_values, variables=step.variables, of_variables=of_variables)

    def _as_before(self, step):
        return keras.StatelessScope(state_mapping=self.states[step.name], initialize_variables=False)

    def _add(self, keys, of_values, *, variables, of_variables):
        for sums, names, addends in (
            (self.cotangents, keys, of_values),
            (self.totals, [id(variable) for variable in variables], of_variables),
        ):
            for name, addend in zip(names, addends, strict=True):
                if addend is not None:
                    sums[name] = sums[name] + addend if name in sums else tf.convert_to_tensor(addend)


def _run_steps(steps, tensors):
    """Compute steps one after the other; their results are added to `tensors`, by key."""
    for step in steps:
        results = step.run(*(tensors[key] for key in step.reads))
        tensors.update(zip(step.writes, results, strict=True))
