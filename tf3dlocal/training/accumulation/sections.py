"""A functional model in sections: within each, a batch can be computed in slices."""

import dataclasses
import inspect
from collections.abc import Callable, Iterable

import keras

from tf3dlocal.training.keras_internals import Call, calls_in_order

LOCATION = "/location"  # ends the name of the step that locates a part


@dataclasses.dataclass(frozen=True)
class Step:
    """One operation of a model.

    Attributes:
        name: Of the layer.
        run: Function of tensors, in the order of `reads`, that gives a list of tensors, in the order of `writes`.
        reads: Keys of the tensors that it reads.
        writes: Keys of the tensors that it makes.
        variables: Trainable variables that it reads.
        states: Other variables that it reads or changes, such as those of random numbers; of whole steps only.
        whole: Whether it must see the whole batch.
    """

    name: str
    run: Callable
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    variables: tuple[keras.Variable, ...] = ()
    states: tuple[keras.Variable, ...] = ()
    whole: bool = False


@dataclasses.dataclass(frozen=True)
class Section:
    """Steps that treat every clip by itself, and then those that read their results over the whole batch.

    Attributes:
        sliced: The steps that treat every clip by itself.
        whole: The steps over the whole batch.
        reads: Keys that the sliced steps read from earlier sections.
        writes: Keys of their results that are read later.
    """

    sliced: tuple[Step, ...]
    whole: tuple[Step, ...]
    reads: tuple[int, ...]
    writes: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class GraphSections:
    """A model as sections in order, and its end.

    Attributes:
        inputs: Keys of the inputs.
        sections: The sections.
        end: Steps that must see the whole batch, and all steps after them.
        dtypes: Dtype by key.
    """

    inputs: tuple[int, ...]
    sections: tuple[Section, ...]
    end: tuple[Step, ...]
    dtypes: dict[int, str]


def graph_sections(model: keras.Model) -> GraphSections:
    """Cut a functional model where a layer must see the whole batch.

    A layer whose `call` has the argument `training` (batch normalization, dropout, and what contains them) sees the
    whole batch at once, and so does everything after it. All others must treat each clip by itself. A layer with the
    methods `locate` and `read` becomes two steps: `locate(map, statistics, training)` sees the whole batch, `read(map,
    location)` does not. Each location begins a new section for the steps that read it.

    Args:
        model: A functional model; each of its tensors has the key id(tensor).

    Example:
        >>> from tf3dlocal.models import ThreeDLocal
        >>> len(graph_sections(ThreeDLocal()).sections), len(graph_sections(ThreeDLocal("release")).sections)
        (4, 2)
    """
    inputs = tuple(id(tensor) for tensor in keras.tree.flatten(model.input))
    outputs = {id(tensor) for tensor in keras.tree.flatten(model.output)}
    level = dict.fromkeys(inputs, 0)  # by key: the section that has it first
    dtypes = {id(tensor): tensor.dtype for tensor in keras.tree.flatten(model.input)}
    sliced, whole, end, at_the_end = [], [], [], set()
    for call in calls_in_order(model):
        dtypes |= {id(tensor): tensor.dtype for tensor in call.outputs}
        for step in steps_of(call):
            here = max(level.get(key, 0) for key in step.reads)
            if at_the_end & set(step.reads) or (step.whole and not step.name.endswith(LOCATION)):
                at_the_end |= set(step.writes)
                end.append(step)
                continue
            (whole if step.whole else sliced).append((here, step))
            level |= dict.fromkeys(step.writes, here + step.whole)

    needed_later = outputs | {key for step in end for key in step.reads}
    sections = []
    for number in sorted({here for here, _ in sliced + whole}, reverse=True):
        own = tuple(step for here, step in sliced if here == number)
        asides = tuple(step for here, step in whole if here == number)
        needed_later |= {key for step in asides for key in step.reads}
        made = unique(key for step in own for key in step.writes)
        read = unique(key for step in own for key in step.reads)
        reads = tuple(key for key in read if key not in made)
        writes = tuple(key for key in made if key in needed_later)
        sections.insert(0, Section(sliced=own, whole=asides, reads=reads, writes=writes))
        needed_later |= set(reads)
    return GraphSections(inputs=inputs, sections=tuple(sections), end=tuple(end), dtypes=dtypes)


def unique(keys: Iterable[int]) -> tuple[int, ...]:
    """Return each key once, in order."""
    return tuple(dict.fromkeys(keys))


def steps_of(call: Call) -> list[Step]:
    """Return one step for a call, or two if the layer first sees the whole batch and then reads clip by clip."""
    operation, arguments = call.operation, call.arguments
    parameters = inspect.signature(operation.call).parameters
    variables = tuple(getattr(operation, "trainable_variables", ()))
    writes = tuple(id(tensor) for tensor in call.outputs)
    if hasattr(operation, "locate") and hasattr(operation, "read"):
        given = inspect.signature(operation.call).bind(*arguments.args, **arguments.kwargs).arguments
        statistics, block_input, location = given.get("statistics"), id(given["block_input"]), id(call)
        # With statistics, only the size of the map is read, and it is that of the block's input, which is kept anyway.
        located_in = given["global_map"] if statistics is None else given["block_input"]

        def locate(volume, *values):
            packed = keras.tree.pack_sequence_as(statistics, list(values)) if values else None
            return [operation.locate(volume, statistics=packed, training=True)]

        def read(volume, place):
            return keras.tree.flatten(operation.read(volume, place))

        of_locate = {id(variable) for variable in operation.localization.trainable_variables}
        mine, others = [tuple(v for v in variables if (id(v) in of_locate) is own) for own in (True, False)]
        return [
            Step(
                operation.name + LOCATION,
                run=locate,
                reads=(id(located_in), *(id(tensor) for tensor in keras.tree.flatten(statistics or {}))),
                writes=(location,),
                variables=mine,
                states=tuple(operation.non_trainable_variables),
                whole=True,
            ),
            Step(operation.name, run=read, reads=(block_input, location), writes=writes, variables=others),
        ]
    reads = unique(id(tensor) for tensor in arguments.keras_tensors)
    training = {"training": True} if "training" in parameters else {}

    def run(*tensors):
        args, kwargs = arguments.fill_in(dict(zip(reads, tensors, strict=True)))
        return keras.tree.flatten(operation(*args, **{**kwargs, **training}))

    return [Step(operation.name, run=run, reads=reads, writes=writes, variables=variables, whole=bool(training))]
