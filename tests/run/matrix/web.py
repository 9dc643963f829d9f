"""A Python program for the matrix, with asyncio: "serve PORT FOLDER" or "get HOST PORT"."""
import asyncio
import sys


async def answer(reader, writer):
    path = (await reader.readline()).split()[1].decode()
    with open(sys.argv[3] + path, "rb") as f:
        body = f.read()
    writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()
    writer.close()


async def serve():
    server = await asyncio.start_server(answer, "0.0.0.0", int(sys.argv[2]))
    await server.serve_forever()


async def get():
    reader, writer = await asyncio.open_connection(sys.argv[2], int(sys.argv[3]))
    writer.write(b"GET /big HTTP/1.0\r\n\r\n")
    sys.stdout.buffer.write((await reader.read()).split(b"\r\n\r\n", 1)[1])
    writer.close()


asyncio.run(serve() if sys.argv[1] == "serve" else get())
