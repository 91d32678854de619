"""A server for echo_client, with Python's websockets: servers.rs says what it does."""

import http
import socket

from websockets.sync.server import serve

PATIENCE = 30


def main():
    with serve(handle, "127.0.0.1", 0, process_request=refuse) as server:
        print(server.socket.getsockname()[1], flush=True)
        server.serve_forever()


def refuse(connection, request):
    if request.path == "/refuse":
        return connection.respond(http.HTTPStatus.FORBIDDEN, "not for you\n")


def handle(client):
    path = client.request.path
    if path == "/vanish":
        client.recv(PATIENCE)
        client.socket.shutdown(socket.SHUT_RDWR)
        return
    if path == "/surprise":
        surprise(client)
    else:
        for message in client:
            client.send(message)
    print(f'{path}: closed with {client.close_code} "{client.close_reason}"', flush=True)


def surprise(client):
    pongs = []

    def around_a_ping():
        yield "in "
        pongs.append(client.ping(b"are you there?"))
        yield "three "
        yield "pieces"

    client.pong(b"unsolicited")
    client.send(around_a_ping())
    client.send(b"\x00\x7f\x80\xff")
    if pongs[0].wait(PATIENCE):
        print("/surprise: are you there? yes", flush=True)
    client.close(4000, "c'est tout, très bien")


main()
