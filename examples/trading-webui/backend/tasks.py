"""The worker's ten tasks and their schedule."""

from datetime import UTC, datetime, timedelta

import httpx
from celery import Celery
from croniter import croniter
from sqlalchemy import delete, func, select

from backend import storage
from backend.database import Order, Quote, create_tables, ping, session
from backend.settings import settings

WATCHED = ("AAPL", "MSFT", "NVDA")

app = Celery("trading", broker=settings().redis_url, backend=settings().redis_url)
app.conf.broker_connection_retry_on_startup = True
app.conf.beat_schedule = {
    "heartbeat": {"task": "trading.heartbeat", "schedule": 5.0},
    "quotes": {"task": "trading.fetch_quotes", "schedule": 30.0},
    "expire": {"task": "trading.expire_quotes", "schedule": 3600.0},
}


@app.task(name="trading.heartbeat")
def heartbeat() -> str:
    return datetime.now(UTC).isoformat()


@app.task(name="trading.check_database")
def check_database() -> bool:
    ping()
    return True


@app.task(name="trading.fetch_quote")
def fetch_quote(symbol: str) -> float:
    price = httpx.get(f"{settings().gateway_url}/quotes/{symbol}", timeout=5).raise_for_status().json()["price"]
    create_tables()
    with session() as s:
        s.add(Quote(symbol=symbol, price=price))
        s.commit()
    return price


@app.task(name="trading.fetch_quotes")
def fetch_quotes() -> int:
    for symbol in WATCHED:
        fetch_quote.delay(symbol)
    return len(WATCHED)


@app.task(name="trading.average_price")
def average_price(symbol: str) -> float | None:
    with session() as s:
        return s.scalar(select(func.avg(Quote.price)).where(Quote.symbol == symbol))


@app.task(name="trading.place_order")
def place_order(order: int) -> str:
    return _move(order, "new", "placed")


@app.task(name="trading.cancel_order")
def cancel_order(order: int) -> str:
    return _move(order, "new", "cancelled")


@app.task(name="trading.expire_quotes")
def expire_quotes(days: int = 7) -> int:
    with session() as s:
        gone = s.execute(delete(Quote).where(Quote.at < datetime.now(UTC) - timedelta(days=days)))
        s.commit()
        return gone.rowcount


@app.task(name="trading.store_chart")
def store_chart(symbol: str) -> str:
    with session() as s:
        prices = list(s.scalars(select(Quote.price).where(Quote.symbol == symbol).order_by(Quote.id)))
    return storage.put_json(f"{symbol}.json", {"symbol": symbol, "prices": prices})


@app.task(name="trading.next_run")
def next_run(schedule: str) -> str:
    return croniter(schedule, datetime.now(UTC)).get_next(datetime).isoformat()


def _move(order: int, before: str, after: str) -> str:
    with session() as s:
        row = s.get(Order, order, with_for_update=True)
        if row is None:
            raise LookupError(f"there is no order {order}")
        if row.state == before:
            row.state = after
            s.commit()
        return row.state
