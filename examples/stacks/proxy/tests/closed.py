"""Waits for a close frame and prints its code.

usage: closed.py URI [zeros] [flood]; zeros sends 48 MiB of them first, flood sends until the close frame comes.
"""

import sys

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

with connect(sys.argv[1]) as ws:
    try:
        if "zeros" in sys.argv:
            ws.send(bytes(48 << 20))
        while "flood" in sys.argv:
            ws.send(bytes(16 << 10))
        ws.recv(timeout=30)
    except ConnectionClosed:
        print(ws.protocol.close_rcvd.code)
