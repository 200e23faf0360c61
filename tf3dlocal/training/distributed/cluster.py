"""The processes that train together, from the environment variable TF_CONFIG."""

import dataclasses
import json
import os

VARIABLE = "TF_CONFIG"
EXAMPLE = '{"cluster": {"worker": ["10.0.0.1:12345", "10.0.0.2:12345"]}, "task": {"type": "worker", "index": 0}}'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cluster:
    """The workers of a training.

    Attributes:
        addresses: "host:port" of every worker, the same list on each, the chief first. Only the chief writes into the
            run folder.
        index: Place of this process in the list.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Whether this process is the chief."""
        return self.index == 0

    @classmethod
    def joined_by(cls, strategy: str) -> "Cluster | None":
        """Return the cluster that a training joins with this training.strategy; None if each process trains alone.

        Example:
            >>> Cluster.joined_by("mirrored") is None
            True
        """
        return cls.from_environment() if strategy in ("auto", "multi_worker") else None

    @classmethod
    def from_environment(cls) -> "Cluster | None":
        """Return the cluster that TF_CONFIG describes; None if the variable is not set or empty.

        Raises:
            ValueError: The variable is not JSON in the form that TensorFlow reads; the key and an example are named.

        Example:
            >>> addresses = '{"cluster": {"worker": ["a:1", "b:1"]}'
            >>> os.environ["TF_CONFIG"] = addresses + ', "task": {"type": "worker", "index": 1}}'
            >>> Cluster.from_environment()
            Cluster(addresses=('a:1', 'b:1'), index=1)
            >>> del os.environ["TF_CONFIG"]
        """
        text = os.environ.get(VARIABLE, "").strip()
        if not text:
            return None
        try:
            given = json.loads(text)
        except json.JSONDecodeError as error:
            raise _wrong(f"is not JSON ({error})") from error
        if not isinstance(given, dict):
            raise _wrong("is not a JSON object")
        if not given.get("cluster"):  # an empty object, as some launchers set it for one process
            if given.get("task"):
                raise _wrong('has a "task" and no "cluster"')
            return None
        chiefs, workers = _jobs(given["cluster"])
        return cls(addresses=(*chiefs, *workers), index=_index(given.get("task"), chiefs, workers))


def _jobs(cluster) -> tuple[list[str], list[str]]:
    """Addresses of the jobs "chief" and "worker"."""
    if not isinstance(cluster, dict):
        raise _wrong('has a "cluster" that is not an object')
    unknown = sorted(set(cluster) - {"chief", "worker"})
    if unknown:
        raise _wrong(f'has "cluster.{unknown[0]}"; a training here has workers, and a chief if you name one')
    for job, addresses in cluster.items():
        if not isinstance(addresses, list) or not all(_is_address(address) for address in addresses):
            raise _wrong(f'has "cluster.{job}" that is not a list of "host:port": {json.dumps(addresses)}')
    chiefs, workers = cluster.get("chief", []), cluster.get("worker", [])
    if len(chiefs) > 1:
        raise _wrong(f'has {len(chiefs)} addresses under "cluster.chief", and there is one chief at most')
    both = [*chiefs, *workers]
    if not both:
        raise _wrong('has no address under "cluster.worker"')
    if len(set(both)) < len(both):
        raise _wrong(f'names an address twice under "cluster": {", ".join(both)}')
    return chiefs, workers


def _is_address(address) -> bool:
    return isinstance(address, str) and address.rpartition(":")[0] != "" and address.rpartition(":")[2].isdecimal()


def _index(task, chiefs, workers) -> int:
    """Place of this process among chief and workers."""
    if not isinstance(task, dict) or task.get("type") not in ("chief", "worker"):
        raise _wrong('needs "task.type", "worker" (or "chief" where the cluster has one)')
    job = chiefs if task["type"] == "chief" else workers
    index = task.get("index")
    if isinstance(index, bool) or not isinstance(index, (int, str)) or not str(index).isdecimal():
        raise _wrong(f'needs "task.index", a number from 0; it is {json.dumps(index)}')
    if int(index) >= len(job):
        raise _wrong(
            f'has "task.index" {index}, and "cluster.{task["type"]}" has {len(job)} addresses (counted from 0)'
        )
    return int(index) + (len(chiefs) if task["type"] == "worker" else 0)


def _wrong(what: str) -> ValueError:
    return ValueError(f"The environment variable {VARIABLE} {what}. An example: {EXAMPLE}")
