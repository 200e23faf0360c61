"""The fixtures of `served_tiny_model` are there for all tests of this folder."""

from served_tiny_model import local_answer, server, small_server, tiny_export, url, walks  # noqa: F401
