"""Tables and sessions."""

from datetime import UTC, datetime
from functools import lru_cache

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from backend.settings import settings


class Base(DeclarativeBase):
    pass


class Quote(Base):
    __tablename__ = "quotes"

    id: Mapped[int] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(index=True)
    price: Mapped[float]
    at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(index=True)
    quantity: Mapped[int]
    state: Mapped[str] = mapped_column(default="new")


@lru_cache
def engine() -> Engine:
    return create_engine(settings().database_url, pool_pre_ping=True, connect_args={"connect_timeout": 3})


def session() -> Session:
    return Session(engine())


def create_tables() -> None:
    Base.metadata.create_all(engine())


def ping() -> None:
    """Raises unless the database answers."""
    with engine().connect() as connection:
        connection.execute(text("SELECT 1"))
