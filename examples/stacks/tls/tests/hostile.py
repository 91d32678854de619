"""Clients over TLS that come early, only write, or say nothing, all at once: hostile.py PORT CERTIFICATE"""

import socket
import ssl
import sys
import threading
import time

PORT, CERTIFICATE = int(sys.argv[1]), sys.argv[2]
REQUEST = b"""GET / HTTP/1.1\r
Host: localhost\r
Upgrade: websocket\r
Connection: Upgrade\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
\r
"""


def connect():
    context = ssl.create_default_context(cafile=CERTIFICATE)
    tcp = socket.create_connection(("127.0.0.1", PORT), timeout=30)
    return context.wrap_socket(tcp, server_hostname="localhost")


def early():
    """A text and a close frame come together with the request."""
    tls = connect()
    tls.sendall(REQUEST + b"\x81\x82\0\0\0\0Hi" + b"\x88\x80\0\0\0\0")
    received = b""
    while piece := tls.recv(4096):
        received += piece
    return received.split(b"\r\n\r\n")[1]


def flood():
    tls = connect()
    tls.sendall(REQUEST)
    start, sent = time.monotonic(), 0
    try:
        while True:
            sent += tls.send(b"\x82\xfe\x40\x00\0\0\0\0" + bytes(16 << 10))
    except TimeoutError:
        return "not given up"
    except OSError:
        return "given up" if sent < 48 << 20 and time.monotonic() - start < 25 else "late"


def silence(tls):
    start = time.monotonic()
    try:
        tls.recv(1)
    except TimeoutError:
        return "not given up"
    except OSError:
        pass
    return "given up" if time.monotonic() - start < 20 else "late"


def silent_tcp():
    return silence(socket.create_connection(("127.0.0.1", PORT), timeout=30))


def silent_tls():
    return silence(connect())


def run(trial):
    results[trial.__name__] = trial()


results = {}
threads = [threading.Thread(target=run, args=[trial]) for trial in [early, flood, silent_tcp, silent_tls]]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for name in sorted(results):
    print(name, results[name])
