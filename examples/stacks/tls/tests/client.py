"""Asks a `wss` server of the example: python client.py URI CERTIFICATE"""

import asyncio
import ssl
import sys

import websockets


async def main():
    context = ssl.create_default_context(cafile=sys.argv[2])
    async with websockets.connect(sys.argv[1], ssl=context, max_size=None) as ws:
        for message in ["", "é" * 1000, b"\x00" * (1 << 20)]:
            await ws.send(message)
            assert await ws.recv() == message
        await (await ws.ping())
        await ws.close(1000, "bye")
        print(ws.close_code)


asyncio.run(main())
