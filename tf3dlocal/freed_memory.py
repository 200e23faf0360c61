"""Moved to `tf3dlocal.io`; here until every caller imports it from there."""

from tf3dlocal.io.freed_memory import VARIABLES, keep_freed_memory  # noqa: F401  (re-exported)
