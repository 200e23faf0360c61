"""Where a server is, and which of its models is meant."""

import dataclasses
import urllib.parse

PORTS = {"http": 8501, "https": 443, "grpc": 8500, "grpcs": 443}
MOST_VERSION = 2**63 - 1  # a number of 64 bits
SCHEMES = "http://HOST:8501 (REST) or grpc://HOST:8500 (gRPC); https:// and grpcs:// are the same with TLS"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Address:
    """A server and one of its models.

    Attributes:
        scheme: "http", "https", "grpc" or "grpcs".
        host: Name or number of the machine.
        port: Port.
        prefix: Path before "/v1/models", such as that of a gateway; "" for TF Serving itself.
        name: Name of the model on the server.
        version: Version of the model, or None.
        label: Label of the version, or None.
    """

    scheme: str
    host: str
    port: int
    prefix: str
    name: str
    version: int | None
    label: str | None

    @property
    def server(self) -> str:
        """The server, as in the URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.prefix}"

    @property
    def what(self) -> str:
        """The model, in words."""
        of_label = f" label {self.label!r}" if self.label is not None else ""
        return f"model {self.name!r}{of_label}" + (f" version {self.version}" if self.version is not None else "")


def parse_address(url: str, *, name: str, version: int | None = None, label: str | None = None) -> Address:
    """Check a URL and the names of a model.

    Raises:
        ValueError: The URL has another scheme, no host or no valid port, or `version` and `label` are both given.

    Example:
        >>> parse_address("grpc://127.0.0.1", name="walkers", label="stable").server
        'grpc://127.0.0.1:8500'
        >>> parse_address("localhost:8501", name="walkers")
        Traceback (most recent call last):
        ValueError: 'localhost:8501' is not the URL of a server; ...
    """
    wrong = f"{url!r} is not the URL of a server; write {SCHEMES}."
    try:
        parts = urllib.parse.urlsplit(str(url))
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode("ascii")  # as the resolver takes it
    except ValueError:  # UnicodeError too: an empty or too long label
        raise ValueError(wrong) from None
    if " " in host or not host.isprintable():
        raise ValueError(wrong)
    if parts.scheme not in PORTS or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError(wrong)
    prefix = urllib.parse.quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~", errors="surrogateescape")
    if "/v1/models" in prefix:
        raise ValueError(f"{url!r} names a model; give the server alone, and the model as `name` (--name).")
    if prefix and parts.scheme.startswith("grpc"):
        raise ValueError(f"{url!r} has a path, and gRPC has none; give the model as `name` (--name).")
    if not _is_name(name):
        raise ValueError(f"name must be the name of a model on the server, without '/' and ':'; got {name!r}.")
    if label is not None and not _is_name(label):
        raise ValueError(f"label must be the label of a version on the server, such as 'stable'; got {label!r}.")
    if version is not None and label is not None:
        raise ValueError(f"Give a version or a label, not both; got {version!r} and {label!r}.")
    if version is not None and not _is_version(version):
        raise ValueError(f"version must be a whole number from 0 to {MOST_VERSION}; got {version!r}.")
    return Address(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port if port is not None else PORTS[parts.scheme],
        prefix=prefix,
        name=name,
        version=version,
        label=label,
    )


def _is_version(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= MOST_VERSION


def _is_name(text: object) -> bool:
    return isinstance(text, str) and text.isprintable() and text not in ("", ".", "..") and not set(text) & set("/:")
