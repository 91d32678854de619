"""A server for echo_client, with Python's wsproto on blocking sockets: servers.rs says what it does."""

import socket

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Message,
    Ping,
    Pong,
    RejectConnection,
    RejectData,
    TextMessage,
)

PATIENCE = 30


def main():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            with listener.accept()[0] as client:
                client.settimeout(PATIENCE)
                handle(Server(client))


def handle(server):
    path = server.next_event().target
    if path == "/refuse":
        server.send(RejectConnection(status_code=403, has_body=True), RejectData(b"not for you\n"))
        return
    server.send(AcceptConnection())
    if path == "/vanish":
        server.next_event()
        return
    if path == "/surprise":
        surprise(server)
    while True:
        event = server.next_event()
        if isinstance(event, Message):
            server.send(event)
        elif isinstance(event, Pong):
            if event.payload == b"are you there?":
                print(f"{path}: are you there? yes", flush=True)
                server.send(CloseConnection(4000, "c'est tout, très bien"))
        elif isinstance(event, CloseConnection):
            # There it answers our close frame.
            if path != "/surprise":
                server.send(event.response())
            print(f'{path}: closed with {event.code} "{event.reason or ""}"', flush=True)
            return


def surprise(server):
    server.send(
        Pong(b"unsolicited"),
        TextMessage("in ", message_finished=False),
        Ping(b"are you there?"),
        TextMessage("three ", message_finished=False),
        TextMessage("pieces"),
        BytesMessage(b"\x00\x7f\x80\xff"),
    )


class Server:
    def __init__(self, socket):
        self.socket = socket
        self.ws = WSConnection(ConnectionType.SERVER)

    def send(self, *events):
        self.socket.sendall(b"".join(map(self.ws.send, events)))

    def next_event(self):
        while True:
            for event in self.ws.events():
                return event
            self.ws.receive_data(self.socket.recv(1 << 16) or None)


main()
