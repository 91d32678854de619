"""Clients over HTTP/2, frame by frame, that do what they should not, all at once: hostile.py PORT"""

import socket
import ssl
import struct
import sys
import threading
import time

PORT = int(sys.argv[1])
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def tcp():
    return socket.create_connection(("127.0.0.1", PORT), timeout=30)


def tls():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context.wrap_socket(tcp())


def frame(kind, flags, stream, payload=b""):
    return struct.pack("!IBBI", len(payload), kind, flags, stream)[1:] + payload


# 8 KiB, in stream 1.
MESSAGE = frame(DATA, 0, 1, b"\x82\xfe\x20\x00\0\0\0\0" + bytes(8 << 10))


def field(name, value):
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def connect(stream, path=b"/echo"):
    """The request for a WebSocket (RFC 8441), without HPACK's compression."""
    fields = [
        (b":method", b"CONNECT"),
        (b":protocol", b"websocket"),
        (b":scheme", b"https"),
        (b":path", path),
        (b":authority", b"127.0.0.1"),
        (b"sec-websocket-version", b"13"),
    ]
    return frame(HEADERS, 4, stream, b"".join(field(*pair) for pair in fields))


def open_connection():
    """The server may send 1000 bytes in each stream; the client allows no more."""
    client = tls()
    client.sendall(PREFACE + frame(SETTINGS, 0, 0, struct.pack("!HI", 4, 1000)))
    return client, client.makefile("rb")


def frames(reader):
    """Each frame that the server sends: its type, its stream and its payload."""
    while len(head := reader.read(9)) == 9:
        length, kind, _, stream = struct.unpack("!IBBI", b"\0" + head)
        yield kind, stream, reader.read(length)


def silence(stream):
    start = time.monotonic()
    try:
        stream.recv(1 << 16)
        stream.recv(1 << 16)  # an alert of TLS may come first
    except OSError as error:
        if isinstance(error, TimeoutError):
            return "not given up"
    return "given up" if time.monotonic() - start < 20 else "late"


def silent_tcp():
    return silence(tcp())


def silent_tls():
    return silence(tls())


def closed_window():
    client, reader = open_connection()
    client.sendall(connect(1))
    start = time.monotonic()
    client.sendall(MESSAGE)
    for kind, stream, _ in frames(reader):
        if kind == RST_STREAM and stream == 1:
            return "given up" if time.monotonic() - start < 20 else "late"
    return "ended"


def send_until_error(client, reader, chunks):
    """Sends until the server has had enough: by GOAWAY, or by the end of the transport."""
    ends = []

    def read():
        try:
            ends.extend(kind for kind, _, _ in frames(reader) if kind in (GOAWAY, RST_STREAM))
        except OSError:
            pass
        ends.append("end")

    thread = threading.Thread(target=read)
    thread.start()
    start = time.monotonic()
    try:
        for chunk in chunks:
            client.sendall(chunk)
            if time.monotonic() - start > 25:
                return "not given up"
    except OSError:
        pass
    return "given up"


def flood_of_resets():
    client, reader = open_connection()
    streams = range(1, 1 << 31, 2)
    return send_until_error(client, reader, (connect(i) + frame(RST_STREAM, 0, i, b"\0\0\0\x08") for i in streams))


def flood_of_empty_frames():
    """On a stream whose server cannot send, so that it does not read."""
    client, reader = open_connection()
    client.sendall(connect(1))
    client.sendall(MESSAGE)
    empty = frame(DATA, 0, 1) * 1000
    return send_until_error(client, reader, iter(lambda: empty, None))


def run(trial):
    results[trial.__name__] = trial()


if __name__ == "__main__":
    results = {}
    trials = [silent_tcp, silent_tls, closed_window, flood_of_resets, flood_of_empty_frames]
    if len(sys.argv) > 2:
        trials = [trial for trial in trials if trial.__name__ in sys.argv]
    threads = [threading.Thread(target=run, args=[trial]) for trial in trials]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in sorted(results):
        print(name, results[name])
