"""An echo server with Python's websockets; prints its URI."""

import asyncio
import logging

from websockets.asyncio.server import serve

# The suite breaks rules on purpose: an error is what it expects.
logging.disable(logging.CRITICAL)


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def main():
    async with serve(echo, "127.0.0.1", 0, max_size=None) as server:
        print(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
