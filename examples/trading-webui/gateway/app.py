"""Stands in for a broker's gateway: serves quotes that depend on the symbol and the minute alone."""

import time
import zlib

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "healthy"})


async def quote(request: Request) -> JSONResponse:
    symbol = request.path_params["symbol"].upper()
    minute = int(time.time()) // 60
    cents = 5000 + zlib.crc32(symbol.encode()) % 20000 + zlib.crc32(f"{symbol}{minute}".encode()) % 200
    return JSONResponse({"symbol": symbol, "price": cents / 100})


app = Starlette(routes=[Route("/health", health), Route("/quotes/{symbol}", quote)])
