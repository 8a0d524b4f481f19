import asyncio

from websockets import speedups
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def main():
    async with serve(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}", proxy=None) as client:
            await client.send("hello")
            assert await client.recv() == "hello"


assert speedups.apply_mask(b"abcd", b"abcd") == bytes(4)
asyncio.run(main())
