"""Clients that talk at once, that are refused, that vanish, and that do not read: client.py HOST PORT"""

import asyncio
import socket
import struct
import sys

import websockets

HOST, PORT = sys.argv[1], int(sys.argv[2])


async def converse():
    # The server echoes each piece that it has read as a fragment: without a bound, so that it reads while it writes.
    async with websockets.connect(f"ws://{HOST}:{PORT}/", max_size=None, max_queue=None) as ws:
        for message in ["", "é" * 1000, bytes(range(256)), bytes(300_000)]:
            await ws.send(message)
            assert await ws.recv() == message
        await ws.send(["one", "two"])
        assert await ws.recv() == "onetwo"
        await (await ws.ping(b"?"))
        await ws.close(4000, "bye")
        return ws.close_code


async def refused():
    reader, writer = await asyncio.open_connection(HOST, PORT)
    writer.write(b"POST / HTTP/1.1\r\nHost: h\r\n\r\n")
    return (await reader.read()).split(b"\r\n")[0].decode()


async def too_long():
    reader, writer = await asyncio.open_connection(HOST, PORT)
    writer.write(b"GET / HTTP/1.1\r\nHost: h\r\nCookie: " + b"a" * 3000)
    return (await reader.read()).split(b"\r\n")[0].decode()


async def vanish():
    ws = await websockets.connect(f"ws://{HOST}:{PORT}/")
    await ws.send("?")
    # A reset in place of a close frame.
    ws.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    ws.transport.abort()


REQUEST = b"""GET / HTTP/1.1\r
Host: h\r
Upgrade: websocket\r
Connection: Upgrade\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
\r
"""


async def early():
    """Sends a text and a close frame together with the request."""
    reader, writer = await asyncio.open_connection(HOST, PORT)
    writer.write(REQUEST + b"\x81\x82\0\0\0\0Hi" + b"\x88\x80\0\0\0\0")
    return (await reader.read()).split(b"\r\n\r\n")[1]


async def flood():
    """Writes all before it reads: the server takes what its buffers hold, until its deadline."""
    reader, writer = await asyncio.open_connection(HOST, PORT)
    writer.write(REQUEST)
    await reader.readline()
    writer.transport.pause_reading()
    try:
        while True:
            writer.write(b"\x82\xfe\x10\x00\0\0\0\0" + bytes(4096))
            await writer.drain()
    except ConnectionError as error:
        return type(error).__name__


async def main():
    print(*await asyncio.gather(*(converse() for _ in range(4))))
    print(await refused())
    print(await too_long())
    print(await early())
    for _ in range(20):
        await vanish()
    print(await asyncio.wait_for(flood(), 30))
    print(await converse())


asyncio.run(asyncio.wait_for(main(), 60))
