#!/usr/bin/env python3
"""careless_server.py --addr HOST:PORT: echoes every frame unchanged, pings and close frames too, and checks nothing.

The suite must report failures for it; if it does not, the suite does not work.
"""
import base64
import hashlib
import socketserver
import sys

CLOSE = 8


class Connection(socketserver.StreamRequestHandler):
    def handle(self):
        key = b""
        while (line := self.rfile.readline().strip()):
            name, _, value = line.partition(b":")
            if name.lower() == b"sec-websocket-key":
                key = value.strip()
        token = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         b"Sec-WebSocket-Accept: " + token + b"\r\n\r\n")
        while self.echo_frame():
            pass

    def echo_frame(self):
        start = self.rfile.read(2)
        if len(start) < 2:
            return False
        short_len = start[1] & 0x7F
        extended = self.rfile.read({126: 2, 127: 8}.get(short_len, 0))
        payload_len = int.from_bytes(extended, "big") if extended else short_len
        masking_key = self.rfile.read(4)
        payload = self.rfile.read(payload_len)
        key_stream = int.from_bytes((masking_key * (payload_len // 4 + 1))[:payload_len], "big")
        unmasked = (int.from_bytes(payload, "big") ^ key_stream).to_bytes(payload_len, "big")
        self.wfile.write(bytes([start[0], short_len]) + extended + unmasked)
        return start[0] & 0x0F != CLOSE


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Prints nothing: the suite often ends connections early."""


if __name__ == "__main__":
    host, port = sys.argv[sys.argv.index("--addr") + 1].rsplit(":", 1)
    with Server((host, int(port)), Connection) as server:
        print("echoing on ws://%s:%d/" % server.server_address, flush=True)
        server.serve_forever()
