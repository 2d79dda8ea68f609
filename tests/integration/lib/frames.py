"""WebSocket frames by hand (RFC 6455, section 5.2), for what no library would send."""

import asyncio
import os

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
READ_LIMIT_S = 10


def length_field(size, mask_bit, form=None):
    """The length in its shortest form, or in the 16 or 64 bits of `form`."""
    if form is None:
        form = 7 if size < 126 else 16 if size < 65536 else 64
    if form == 7:
        return bytes([mask_bit | size])
    if form == 16:
        return bytes([mask_bit | 126]) + size.to_bytes(2, "big")
    return bytes([mask_bit | 127]) + size.to_bytes(8, "big")


def frame(opcode, payload=b"", fin=True, masked=True, reserved=0, form=None):
    head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
    if not masked:
        return head + length_field(len(payload), 0, form) + payload
    mask = os.urandom(4)
    body = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return head + length_field(len(payload), 0x80, form) + mask + body


def close_frame(code, reason=b""):
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


class Wire:
    """An upgraded connection that sends and receives frames."""

    @classmethod
    async def open(cls, server, path="/connection/websocket", **options):
        """`options` are those of asyncio.open_connection(); `sock` is one that is connected."""
        if "sock" not in options:
            options.update(host="127.0.0.1", port=server.port)
        wire = cls()
        wire.reader, wire.writer = await asyncio.open_connection(**options)
        server.undo.append(wire.close)
        wire.send(HANDSHAKE.format(path=path).encode())
        head = await asyncio.wait_for(wire.reader.readuntil(b"\r\n\r\n"), READ_LIMIT_S)
        assert head.startswith(b"HTTP/1.1 101 "), head
        return wire

    def send(self, data):
        self.writer.write(data)

    async def drained(self):
        """Waits until the kernel has taken all that was sent."""
        while self.writer.transport.get_write_buffer_size() > 0:
            await asyncio.sleep(0.01)

    def pause(self):
        """Reads nothing more from the socket."""
        self.writer.transport.pause_reading()

    def resume(self):
        self.writer.transport.resume_reading()

    async def _exactly(self, size):
        return await asyncio.wait_for(self.reader.readexactly(size), READ_LIMIT_S)

    async def receive(self):
        """The next frame as (fin, opcode, payload). A server never masks."""
        first, second = await self._exactly(2)
        assert first & 0x70 == 0, "no extension was negotiated, so no reserved bit is set"
        assert second & 0x80 == 0, "a server does not mask"
        size = second & 0x7F
        if size == 126:
            size = int.from_bytes(await self._exactly(2), "big")
            assert size >= 126, "the shortest form of the length"
        elif size == 127:
            size = int.from_bytes(await self._exactly(8), "big")
            assert size >= 65536, "the shortest form of the length"
        return first & 0x80 != 0, first & 0x0F, await self._exactly(size)

    async def close_code(self):
        """Frames up to the close frame are passed over; its code, and then the end of stream."""
        while True:
            _, opcode, payload = await self.receive()
            if opcode == CLOSE:
                break
        code = int.from_bytes(payload[:2], "big") if payload else None
        payload[2:].decode()
        return code

    async def at_end(self):
        """Whether the stream ends once we are done too; a server waits for that after a close."""
        self.writer.write_eof()
        return await asyncio.wait_for(self.reader.read(1), READ_LIMIT_S) == b""

    def close(self):
        self.writer.close()
