"""Sends each message back in the fragments in which it came and an empty one, and prints what it has seen."""

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve


def echo(ws):
    seen = [",".join(extension.name for extension in ws.protocol.extensions) or "plain", ws.subprotocol]
    while (message := receive(ws)) is not None:
        if sum(map(len, message)) < 100_000:
            seen.append([len(fragment) for fragment in message])
        ws.send(message if len(message) > 1 else message[0])
    print(*seen, ws.protocol.close_rcvd.code, ws.protocol.close_rcvd.reason, flush=True)


def receive(ws):
    try:
        return list(ws.recv_streaming())
    except ConnectionClosed:
        return None


with serve(echo, "127.0.0.1", 0, subprotocols=["chat"], max_size=None) as server:
    print("ws://%s:%d" % server.socket.getsockname(), flush=True)
    server.serve_forever()
