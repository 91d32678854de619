"""Sends three messages through Python's websockets, and prints what was agreed on and how it ended."""

import sys

from websockets.sync.client import connect

with connect(sys.argv[1], max_size=None) as ws:
    print(*(extension.name for extension in ws.protocol.extensions))
    messages = ["Hello", "long " * 100_000, bytes(range(256))]
    echoes = 0
    for message in messages:
        ws.send(message)
        echoes += ws.recv(timeout=30) == message
    print(echoes, "echoes")
print("closed", ws.protocol.close_rcvd.code)
