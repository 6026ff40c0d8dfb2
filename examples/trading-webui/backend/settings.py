"""What the environment of the container says, in one place."""

from functools import lru_cache

from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    database_url: str = "postgresql+psycopg2://trading:trading@postgres:5432/trading"
    redis_url: str = "redis://redis:6379/0"
    gateway_url: str = "http://gateway:5055"
    s3_endpoint: str = "object-store:9000"
    s3_access_key: str = "trading"
    s3_secret_key: str = "trading-secret"
    s3_bucket: str = "charts"


@lru_cache
def settings() -> Settings:
    return Settings()
