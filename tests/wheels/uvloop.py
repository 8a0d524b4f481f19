import asyncio
import threading

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


def run():
    loop = uvloop.new_event_loop()
    results.append(loop.run_until_complete(main()))
    loop.close()


results = []
thread = threading.Thread(target=run)
thread.start()
thread.join()
assert results == [5], "in a thread"
run()
assert results == [5, 5]
