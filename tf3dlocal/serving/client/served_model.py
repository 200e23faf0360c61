"""What a server says of a model: its version, its signatures, its states."""

import dataclasses

Shape = tuple[int | None, ...] | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class TensorFacts:
    """Type and shape of an input or an output.

    Attributes:
        dtype: Name of numpy's type, or "string".
        shape: Sizes, None where unknown; None as a whole if the number of axes is unknown.
    """

    dtype: str
    shape: Shape


@dataclasses.dataclass(frozen=True, kw_only=True)
class Signature:
    """Inputs and outputs of a signature, by name."""

    inputs: dict[str, TensorFacts]
    outputs: dict[str, TensorFacts]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServedModel:
    """A version of a model on a server.

    Attributes:
        name: Name on the server.
        version: Version that the server chose, from the requested version or label, or else its newest.
        signatures: {name: `Signature`}.
    """

    name: str
    version: int
    signatures: dict[str, Signature]


@dataclasses.dataclass(frozen=True, kw_only=True)
class VersionStatus:
    """State of one version.

    Attributes:
        version: Its number.
        state: "START", "LOADING", "AVAILABLE", "UNLOADING" or "END".
        error: What went wrong; "" if nothing.
    """

    version: int
    state: str
    error: str


DTYPES = {
    "DT_UINT8": "uint8",
    "DT_FLOAT": "float32",
    "DT_HALF": "float16",
    "DT_DOUBLE": "float64",
    "DT_INT32": "int32",
    "DT_INT64": "int64",
    "DT_STRING": "string",
}


def dtype_name(name: str) -> str:
    """Return numpy's name of a TensorFlow type.

    Example:
        >>> dtype_name("DT_UINT8"), dtype_name("DT_COMPLEX64")
        ('uint8', 'complex64')
    """
    return DTYPES.get(name, name.removeprefix("DT_").lower())
