"""Sends messages in fragments, the last one empty, and prints the fragments in which they come back: client.py URI"""

import sys

from websockets.sync.client import connect

MESSAGES = [
    ["whole"],
    ["one", "", "three", "é"],
    [bytes(70), bytes(60_000), b"\x01"],
]

with connect(sys.argv[1], subprotocols=["other", "chat"], max_size=None) as ws:
    print(",".join(extension.name for extension in ws.protocol.extensions) or "plain", ws.subprotocol)
    for message in MESSAGES:
        ws.send(message if len(message) > 1 else message[0])
        echo = list(ws.recv_streaming())
        print([len(fragment) for fragment in echo], type(message[0])().join(echo) == type(message[0])().join(message))
    ws.send("long " * 100_000)
    echo = list(ws.recv_streaming())
    print("a long frame in parts:", len(echo) > 1, "".join(echo) == "long " * 100_000)
    ws.close(4001, "bye")
    print(ws.protocol.close_rcvd.code, ws.protocol.close_rcvd.reason)
