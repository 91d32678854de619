"""A peer for deflate.rs that compresses, with Python's websockets.

usage: deflate_websockets.py client URL SETTINGS... | server
"""

import random
import sys

from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)
from websockets.sync.client import connect
from websockets.sync.server import serve

PATIENCE = 30


def talk(url, settings):
    server_bits, client_bits, takeover = settings.split(",")
    deflate = ClientPerMessageDeflateFactory(
        server_no_context_takeover=takeover in ("client", "none"),
        client_no_context_takeover=takeover in ("server", "none"),
        server_max_window_bits=int(server_bits),
        client_max_window_bits=int(client_bits),
    )
    with connect(url, proxy=None, max_size=None, compression=None, extensions=[deflate]) as client:
        assert client.protocol.extensions, "permessage-deflate is in use"
        for message in messages():
            client.send(message)
            expected = message if isinstance(message, (str, bytes)) else type(message[0])().join(message)
            assert client.recv(PATIENCE) == expected
    print(f"{settings}: all came back")


def messages():
    words = "The quick brown fox jumps over the lazy dog. " * 800
    noise = random.Random(1).randbytes(33000)
    yield from ["Hello", "Hello", "", words, "Grüße, 世界! 😀", words, "é" * 9000]
    yield from [b"", bytes(40000), noise, noise, noise[:300] * 50]
    yield ["in ", "", "pieces ", "é€😀"]
    yield [b"\x00", noise, b""]


def echo(client):
    for message in client:
        client.send(message)


def main(role, *args):
    if role == "client":
        for settings in args[1:]:
            talk(args[0], settings)
        return
    deflate = ServerPerMessageDeflateFactory()
    with serve(echo, "127.0.0.1", 0, max_size=None, compression=None, extensions=[deflate]) as server:
        print(server.socket.getsockname()[1], flush=True)
        server.serve_forever()


main(*sys.argv[1:])
