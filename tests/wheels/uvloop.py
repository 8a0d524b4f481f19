import asyncio

import uvloop


async def main():
    async def serve(reader, writer):
        writer.write(await reader.readline())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"x\n")
    assert await reader.readline() == b"x\n"
    writer.close()
    server.close()
    return 5


loop = uvloop.new_event_loop()
assert loop.run_until_complete(main()) == 5
loop.close()
