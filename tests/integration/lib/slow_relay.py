#!/usr/bin/python3
"""A slow line to the server for any client: slow_relay.py PORT.

Passes the bytes of each connection on to 127.0.0.1:PORT and back. Towards the server its receive
buffer is as small as Node cannot ask for, so that the server notices at once when nobody reads.
Prints the port it listens on; then obeys the lines of its input: `pause` (read nothing more from
the server) and `resume`. Ends when its input does.
"""

import asyncio
import socket
import sys

RECEIVE_BUFFER_BYTES = 4096
READ_BYTES = 4096


async def connect(port):
    upstream = socket.socket()
    # Before connecting, because the window is agreed on then.
    upstream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    upstream.setblocking(False)
    await asyncio.get_running_loop().sock_connect(upstream, ("127.0.0.1", port))
    return upstream


async def to_server(reader, upstream):
    loop = asyncio.get_running_loop()
    while data := await reader.read(READ_BYTES):
        await loop.sock_sendall(upstream, data)
    upstream.shutdown(socket.SHUT_WR)


async def to_client(upstream, writer, reading):
    loop = asyncio.get_running_loop()
    while True:
        await reading.wait()
        data = await loop.sock_recv(upstream, READ_BYTES)
        if not data:
            break
        # What was asked for before a pause and came in it.
        await reading.wait()
        writer.write(data)
        await writer.drain()
    writer.close()


async def main():
    server_port = int(sys.argv[1])
    reading = asyncio.Event()
    reading.set()

    async def relay(reader, writer):
        upstream = await connect(server_port)
        ways = [asyncio.create_task(to_server(reader, upstream)),
                asyncio.create_task(to_client(upstream, writer, reading))]
        # One way may end first (a close that waits for its answer); a reset ends both.
        await asyncio.gather(*ways, return_exceptions=True)
        upstream.close()
        writer.close()

    listener = await asyncio.start_server(relay, "127.0.0.1", 0)
    print(listener.sockets[0].getsockname()[1], flush=True)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while order := await orders.readline():
        if order == b"pause\n":
            reading.clear()
        elif order == b"resume\n":
            reading.set()
        else:
            sys.exit(f"slow_relay: what is {order}?")
        print(order.decode().strip(), flush=True)


asyncio.run(main())
