#!/usr/bin/python3
"""Clients that subscribe and read nothing then: stalled_clients.py PORT COUNT CHANNEL...

Their receive buffers are as small as the kernel allows, which Node cannot ask for, so that the
server's side fills at once. Says `ready` when all are subscribed, and ends when its input does.
"""

import json
import os
import socket
import sys

RECEIVE_BUFFER_BYTES = 2048

HANDSHAKE = (
    "GET /connection/websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def text_frame(text):
    """A masked text frame (RFC 6455, section 5.2) below 64 KiB."""
    payload = text.encode()
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else bytes([0xFE]) + size.to_bytes(2, "big")
    return b"\x81" + length + mask + masked


def open_stalled(port, channels):
    client = socket.socket()
    client.settimeout(10)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    client.connect(("127.0.0.1", port))
    client.sendall(HANDSHAKE.encode())
    received = b""
    while b"\r\n\r\n" not in received:
        received += client.recv(1)
    commands = [{"id": 1, "connect": {}}]
    commands += [{"id": 2 + i, "subscribe": {"channel": c}} for i, c in enumerate(channels)]
    client.sendall(text_frame("\n".join(map(json.dumps, commands))))
    # The last reply, and not a byte more than is there by then.
    last = f'"id":{len(commands)}'.encode()
    while last not in received:
        received += client.recv(256)
    return client


def main():
    port, count, *channels = sys.argv[1:]
    clients = [open_stalled(int(port), channels) for _ in range(int(count))]
    print("ready", flush=True)
    sys.stdin.read()
    for client in clients:
        client.close()


if __name__ == "__main__":
    main()
