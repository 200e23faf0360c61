"""Serve an export in a separate process, until standard input is closed.

    python -m small_server FOLDER NAME

It prints the URLs of REST and gRPC on one line.
"""

import sys

from small_server import SmallServer

if __name__ == "__main__":
    with SmallServer(sys.argv[1], name=sys.argv[2], batching={}) as server:
        print(server.rest, server.grpc, flush=True)
        sys.stdin.read()
