# SPDX-License-Identifier: Apache-2.0
"""A WebSocket client, by Python's websockets: sends messages of many sizes, each twice, and expects
them back; then closes in order. Prints "ok N" with the number of messages, or what went wrong.

arguments: URI PORT [CA]     the URI's name, at 127.0.0.1:PORT"""

import asyncio
import ssl
import sys

import websockets

SIZES = (0, 1, 125, 126, 1000, 65535, 65536, 300000, 2000000)


def message(n):
    return bytes(i * 7 + (i >> 8) & 255 for i in range(n)) if n <= 65536 else bytes(n)


async def main():
    uri, port = sys.argv[1], int(sys.argv[2])
    tls = ssl.create_default_context(cafile=sys.argv[3]) if len(sys.argv) > 3 else None
    count = 0
    names = {"server_hostname": "site.test"} if tls else {}
    async with websockets.connect(uri, host="127.0.0.1", port=port, ssl=tls, max_size=None, **names,
                                  open_timeout=10, close_timeout=10) as socket:
        for n in SIZES:
            for say in (message(n), "x" * n):
                await socket.send(say)
                back = await asyncio.wait_for(socket.recv(), 10)
                if back != say:
                    print("a message of %d bytes came back as %d bytes" % (n, len(back)))
                    return
                count += 1
        await asyncio.wait_for(await socket.ping(), 10)
        await socket.close(1000, "enough")
    print("ok %d, closed with %s" % (count, socket.close_code), flush=True)


asyncio.run(main())
