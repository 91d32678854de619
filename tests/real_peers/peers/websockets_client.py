"""Sends everything that a WebSocket can carry to an echo server, with Python's websockets.

usage: websockets_client.py URL

Prints a line for each echo that is correct; fails at the first that is not.
"""

import sys

from websockets.sync.client import connect

PATIENCE = 30
LENGTHS = [0, 125, 126, 65535, 65536, 1 << 20]
ALPHABETS = "aé€😀" * 30000
REASON = "c'est tout, très bien"


def main(url):
    with connect(url, proxy=None, max_size=None, max_queue=None) as client:
        assert client.subprotocol is None
        print("opened without a subprotocol")

        for length in LENGTHS:
            text = ("0123456789" * (length // 10 + 1))[:length]
            assert echoed(client, text) == text
            print(f"text of {length} bytes")
        for length in LENGTHS:
            data = bytes(i % 251 for i in range(length))
            assert echoed(client, data) == data
            print(f"binary of {length} bytes")
        assert echoed(client, ALPHABETS) == ALPHABETS
        print("text of 1 to 4 bytes a character")

        pongs = []

        def around_a_ping():
            yield "in "
            pongs.append(client.ping(b"between"))
            yield ""
            yield "pieces, é€😀"

        assert echoed(client, around_a_ping()) == "in pieces, é€😀"
        assert pongs[0].wait(PATIENCE)
        print("text in fragments around a ping")
        assert echoed(client, [b"\x00\x7f", b"", b"\x80\xff"]) == b"\x00\x7f\x80\xff"
        print("binary in fragments")

        for length in [0, 125]:
            # Only a pong with the same bytes counts.
            assert client.ping(bytes(range(length))).wait(PATIENCE)
            print(f"ping of {length} bytes")
        client.pong(b"unsolicited")
        assert echoed(client, "still here") == "still here"
        print("text after an unsolicited pong")

        client.close(4321, REASON)
        print(f'closed with {client.close_code} "{client.close_reason}"')


def echoed(client, message):
    client.send(message)
    return client.recv(PATIENCE)


main(*sys.argv[1:])
