"""A WebSocket client over HTTP/3: aioquic for QUIC and HTTP/3, wsproto for Python for the frames.

usage: client.py PORT ORIGIN
"""

import asyncio
import ssl
import sys

from aioquic.asyncio import QuicConnectionProtocol, connect
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, TextMessage
from wsproto.extensions import PerMessageDeflate


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.events = asyncio.Queue()

    def quic_event_received(self, event):
        for http_event in self.http.handle_event(event):
            self.events.put_nowait(http_event)


async def converse(client, authority, origin):
    deflate = PerMessageDeflate()
    stream = client._quic.get_next_available_stream_id()
    fields = {
        ":method": "CONNECT",
        ":protocol": "websocket",
        ":scheme": "https",
        ":authority": authority,
        ":path": "/echo",
        "origin": origin,
        "sec-websocket-version": "13",
        "sec-websocket-extensions": f"permessage-deflate; {deflate.offer()}",
    }
    client.http.send_headers(stream, [(name.encode(), value.encode()) for name, value in fields.items()])
    client.transmit()
    event = await client.events.get()
    assert isinstance(event, HeadersReceived), event
    response = {name.decode(): value.decode() for name, value in event.headers}
    # The settings came before: a client may ask only then.
    print("connect protocol:", client.http.received_settings.get(8), "status:", response[":status"])
    if response[":status"] != "200":
        return
    # What it may send that the server does not read stays in the server's memory.
    print("streams:", client._quic._remote_max_streams_uni, "bytes:", client._quic._remote_max_data)
    extension = response["sec-websocket-extensions"]
    print(extension.split(";")[0])
    deflate.finalize(extension)
    ws = Connection(ConnectionType.CLIENT, [deflate])

    async def receive():
        event = await client.events.get()
        if event.data:
            ws.receive_data(event.data)
        return event.stream_ended

    echoes = 0
    for message in ["Hello", "long " * 100_000, bytes(range(256)) * 1000]:
        kind = TextMessage if isinstance(message, str) else BytesMessage
        client.http.send_data(stream, ws.send(kind(data=message)), end_stream=False)
        client.transmit()
        parts, finished = [], False
        while not finished:
            await receive()
            for received in ws.events():
                parts.append(received.data)
                finished = received.message_finished
        echoes += message == type(message)().join(map(type(message), parts))
    print(echoes, "echoes")
    client.http.send_data(stream, ws.send(CloseConnection(code=1000)), end_stream=False)
    client.transmit()
    ended = False
    while not ended:
        ended = await receive()
    for received in ws.events():
        print("closed", int(received.code))
    client.http.send_data(stream, b"", end_stream=True)
    client.transmit()


async def main(port, origin):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE)
    async with connect("127.0.0.1", int(port), configuration=configuration, create_protocol=Client) as client:
        await asyncio.wait_for(converse(client, f"127.0.0.1:{port}", origin), 30)


asyncio.run(main(*sys.argv[1:]))
