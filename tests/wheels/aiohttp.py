import asyncio

import aiohttp
from aiohttp import web


async def main():
    async def hello(request):
        return web.json_response({"you": request.query["q"]})

    app = web.Application()
    app.router.add_get("/", hello)
    runner = web.AppRunner(app, handle_signals=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/?q=1") as answer:
        assert await answer.json() == {"you": "1"}
    await runner.cleanup()


asyncio.run(main())
