"""The API."""

from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, HTTPException, Response
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from backend import database
from backend.settings import settings
from backend.tasks import place_order


@asynccontextmanager
async def lifespan(_: FastAPI):
    database.create_tables()
    yield


app = FastAPI(title="trading-webui", lifespan=lifespan)


@app.get("/health")
def health(response: Response) -> dict[str, str]:
    try:
        database.ping()
    except SQLAlchemyError:
        response.status_code = 503
        return {"status": "unhealthy", "database": "disconnected"}
    return {"status": "healthy", "database": "connected"}


@app.get("/quotes/{symbol}")
def quote(symbol: str) -> dict:
    try:
        answer = httpx.get(f"{settings().gateway_url}/quotes/{symbol}", timeout=5).raise_for_status()
    except httpx.HTTPError as error:
        raise HTTPException(502, "the gateway does not answer") from error
    return answer.json()


class NewOrder(BaseModel):
    symbol: str = Field(pattern="^[A-Z]{1,8}$")
    quantity: int = Field(gt=0)


@app.post("/orders", status_code=202)
def order(new: NewOrder) -> dict:
    with database.session() as session:
        row = database.Order(symbol=new.symbol, quantity=new.quantity)
        session.add(row)
        session.commit()
        identity = row.id
    return {"id": identity, "task": place_order.delay(identity).id}


@app.get("/orders")
def orders() -> list[dict]:
    with database.session() as session:
        rows = session.scalars(select(database.Order).order_by(database.Order.id))
        return [{"id": o.id, "symbol": o.symbol, "quantity": o.quantity, "state": o.state} for o in rows]
