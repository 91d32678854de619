"""A peer for deflate.rs that compresses, with Python's wsproto.

usage: deflate_wsproto.py client URL SETTINGS... | server
"""

import random
import socket
import sys
import threading
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Message,
    Ping,
    Request,
    TextMessage,
)
from wsproto.extensions import PerMessageDeflate

PATIENCE = 30


def talk(url, settings):
    server_bits, client_bits, takeover = settings.split(",")
    deflate = PerMessageDeflate(
        server_no_context_takeover=takeover in ("client", "none"),
        client_no_context_takeover=takeover in ("server", "none"),
        server_max_window_bits=int(server_bits),
        client_max_window_bits=int(client_bits),
    )
    client = Peer(socket.create_connection((url.hostname, url.port), PATIENCE), ConnectionType.CLIENT)
    client.send(Request(host=url.netloc, target=url.path, extensions=[deflate]))
    accept = client.next_event()
    assert isinstance(accept, AcceptConnection) and accept.extensions == [deflate]
    for pieces in messages():
        event = TextMessage if isinstance(pieces[0], str) else BytesMessage
        events = [event(piece, message_finished=False) for piece in pieces[:-1]] + [event(pieces[-1])]
        # On a thread, because the server answers before it has received everything.
        sending = threading.Thread(target=client.send, args=events, daemon=True)
        sending.start()
        assert client.message() == type(pieces[0])().join(pieces)
        sending.join(PATIENCE)
    client.send(CloseConnection(1000))
    assert isinstance(client.next_event(), CloseConnection)
    print(f"{settings}: all came back")


def messages():
    words = "The quick brown fox jumps over the lazy dog. " * 800
    noise = random.Random(1).randbytes(33000)
    yield from [["Hello"], ["Hello"], [""], [words], ["Grüße, 世界! 😀"], [words], ["é" * 9000]]
    yield from [[b""], [bytes(40000)], [noise], [noise], [noise[:300] * 50]]
    yield ["in ", "", "pieces ", "é€😀"]
    yield [b"\x00", noise, b""]


class Peer:
    def __init__(self, socket, role):
        self.socket = socket
        self.socket.settimeout(PATIENCE)
        self.ws = WSConnection(role)

    def send(self, *events):
        self.socket.sendall(b"".join(map(self.ws.send, events)))

    def next_event(self):
        while True:
            for event in self.ws.events():
                return event
            self.ws.receive_data(self.socket.recv(1 << 16) or None)

    def message(self):
        pieces = []
        while not (pieces and pieces[-1].message_finished):
            event = self.next_event()
            assert isinstance(event, Message), event
            pieces.append(event)
        return type(pieces[0].data)().join(piece.data for piece in pieces)


def echo(server):
    assert isinstance(server.next_event(), Request)
    server.send(AcceptConnection(extensions=[PerMessageDeflate()]))
    while True:
        event = server.next_event()
        if isinstance(event, Message):
            server.send(event)
        elif isinstance(event, (Ping, CloseConnection)):
            server.send(event.response())
            if isinstance(event, CloseConnection):
                return


def main(role, *args):
    if role == "client":
        for settings in args[1:]:
            talk(urlsplit(args[0]), settings)
        return
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            with listener.accept()[0] as client:
                echo(Peer(client, ConnectionType.SERVER))


main(*sys.argv[1:])
