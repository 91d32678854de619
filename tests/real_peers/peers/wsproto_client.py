"""Sends everything that a WebSocket can carry to an echo server, with Python's wsproto on a blocking socket.

usage: wsproto_client.py URL

Prints a line for each echo that is correct; fails at the first that is not.
"""

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
    Pong,
    Request,
    TextMessage,
)

PATIENCE = 30
LENGTHS = [0, 125, 126, 65535, 65536, 1 << 20]
ALPHABETS = "aé€😀" * 30000
REASON = "c'est tout, très bien"


def main(url):
    client = Client(urlsplit(url))

    for length in LENGTHS:
        text = ("0123456789" * (length // 10 + 1))[:length]
        assert client.echoed(TextMessage(text)) == text
        print(f"text of {length} bytes")
    for length in LENGTHS:
        data = bytes(i % 251 for i in range(length))
        assert client.echoed(BytesMessage(data)) == data
        print(f"binary of {length} bytes")
    assert client.echoed(TextMessage(ALPHABETS)) == ALPHABETS
    print("text of 1 to 4 bytes a character")

    answer = client.echoed(
        TextMessage("in ", message_finished=False),
        Ping(b"between"),
        TextMessage("", message_finished=False),
        TextMessage("pieces, é€😀"),
    )
    assert answer == "in pieces, é€😀"
    assert client.pongs == [b"between"]
    print("text in fragments around a ping")
    answer = client.echoed(
        BytesMessage(b"\x00\x7f", message_finished=False),
        BytesMessage(b"", message_finished=False),
        BytesMessage(b"\x80\xff"),
    )
    assert answer == b"\x00\x7f\x80\xff"
    print("binary in fragments")

    for length in [0, 125]:
        client.send(Ping(bytes(range(length))))
        assert client.next_event() == Pong(bytes(range(length)))
        print(f"ping of {length} bytes")
    assert client.echoed(Pong(b"unsolicited"), TextMessage("still here")) == "still here"
    print("text after an unsolicited pong")

    client.send(CloseConnection(4321, REASON))
    close = client.next_event()
    assert isinstance(close, CloseConnection)
    print(f'closed with {close.code} "{close.reason or ""}"')
    # The server is the first to close the transport (RFC 6455, section 7.1.1).
    assert client.socket.recv(1) == b""


class Client:
    def __init__(self, url):
        self.socket = socket.create_connection((url.hostname, url.port), PATIENCE)
        self.ws = WSConnection(ConnectionType.CLIENT)
        self.pongs = []
        # Without compression, because wsproto fails if a pong comes between compressed fragments.
        self.send(Request(host=url.netloc, target=url.path))
        accept = self.next_event()
        assert isinstance(accept, AcceptConnection) and accept.subprotocol is None
        print("opened without a subprotocol")

    def send(self, *events):
        self.socket.sendall(b"".join(map(self.ws.send, events)))

    def next_event(self):
        while True:
            for event in self.ws.events():
                return event
            self.ws.receive_data(self.socket.recv(1 << 16) or None)

    def echoed(self, *events):
        """Sends events, and returns the message that comes back; pongs are stored separately."""
        # On a thread, because the server answers before it has received everything.
        sending = threading.Thread(target=self.send, args=events, daemon=True)
        sending.start()
        pieces = []
        while not (pieces and pieces[-1].message_finished):
            event = self.next_event()
            if isinstance(event, Pong):
                self.pongs.append(event.payload)
            else:
                assert isinstance(event, Message), event
                pieces.append(event)
        sending.join(PATIENCE)
        first = pieces[0].data
        return type(first)().join(piece.data for piece in pieces)


main(*sys.argv[1:])
