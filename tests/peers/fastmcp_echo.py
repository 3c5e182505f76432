"""The least that a tool can do, in FastMCP: what the benchmark of agents' calls is held against.

Listens on a free port of 127.0.0.1, prints the address of its /mcp, and serves until its standard input ends. It keeps no
sessions and answers in JSON, as Milepost does.
"""

import asyncio
import os
import socket
import sys

from fastmcp import FastMCP

server = FastMCP("echo")


@server.tool
def echo(text: str) -> dict[str, str]:
    """Says a text back."""
    return {"said": text}


async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    print(f"http://127.0.0.1:{port}/mcp", flush=True)
    serving = asyncio.create_task(
        server.run_http_async(
            show_banner=False, log_level="error", stateless_http=True, json_response=True, sockets=[listener]
        )
    )
    ending = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    await asyncio.wait([serving, ending], return_when=asyncio.FIRST_COMPLETED)
    # There is nothing to end in order.
    os._exit(0)


asyncio.run(main())
