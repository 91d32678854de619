"""Clients that keep their connection alive by QUIC's pings, and do nothing else that they should.

Each prints for how long the server has kept it.

usage: hostile.py PORT
"""

import asyncio
import ssl
import sys
import time

from aioquic.asyncio import QuicConnectionProtocol, connect
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated


class Client(QuicConnectionProtocol):
    def __init__(self, quic, window, **kwargs):
        super().__init__(quic, **kwargs)
        if window is not None:
            # Of the streams that it opens; it does not grow.
            quic._local_max_stream_data_bidi_local = window
            quic._write_stream_limits = lambda **_: None
        self.ended = asyncio.Event()

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            self.ended.set()


def no_stream(client):
    pass


def half_a_request(client):
    stream = client._quic.get_next_available_stream_id()
    client._quic.send_stream_data(stream, b"\x01\x40")


def request(client, path="/echo"):
    http = H3Connection(client._quic)
    stream = client._quic.get_next_available_stream_id()
    fields = {
        ":method": "CONNECT",
        ":protocol": "websocket",
        ":scheme": "https",
        ":authority": "127.0.0.1",
        ":path": path,
        "sec-websocket-version": "13",
    }
    http.send_headers(stream, [(name.encode(), value.encode()) for name, value in fields.items()])
    return http, stream


def refused_without_a_window(client):
    request(client, "/nothing")


def flood_without_reading(client):
    http, stream = request(client)
    frame = b"\x82\xfe\x40\x00\0\0\0\0" + bytes(16 << 10)
    http.send_data(stream, frame * 20, end_stream=False)


async def trial(port, act, window=None):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE)
    create = lambda quic, **kwargs: Client(quic, window, **kwargs)
    async with connect("127.0.0.1", int(port), configuration=configuration, create_protocol=create) as client:
        start = time.monotonic()
        act(client)
        client.transmit()
        while not client.ended.is_set() and time.monotonic() - start < 40:
            try:
                await asyncio.wait_for(client.ping(), 2)
            except (ConnectionError, asyncio.TimeoutError):
                pass
            try:
                await asyncio.wait_for(client.ended.wait(), 1)
            except asyncio.TimeoutError:
                pass
        kept = time.monotonic() - start
        return f"{act.__name__}: " + ("less than 35 s" if kept < 35 else "too long")


async def main(port):
    trials = [
        trial(port, no_stream),
        trial(port, half_a_request),
        trial(port, refused_without_a_window, 0),
        trial(port, flood_without_reading, 2048),
    ]
    print(*await asyncio.gather(*trials), sep="\n")


asyncio.run(main(*sys.argv[1:]))
