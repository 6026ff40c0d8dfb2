"""A web application that asks itself one question."""

import asyncio

import fastapi
import httpx
import pandas

app = fastapi.FastAPI()


@app.get("/mean")
def mean() -> dict:
    return {"mean": float(pandas.Series([1, 2, 6]).mean())}


async def main() -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        answer = await client.get("/mean")
    print(f"fastapi {fastapi.__version__}, pandas {pandas.__version__}: {answer.json()}")


asyncio.run(main())
