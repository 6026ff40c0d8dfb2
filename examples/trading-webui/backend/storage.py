"""The object store."""

import io
import json
import sys
from functools import lru_cache

from minio import Minio

from backend.settings import settings


@lru_cache
def client() -> Minio:
    s = settings()
    return Minio(s.s3_endpoint, access_key=s.s3_access_key, secret_key=s.s3_secret_key, secure=False, region="us-east-1")


def put_json(name: str, value: object) -> str:
    data = json.dumps(value).encode()
    client().put_object(settings().s3_bucket, name, io.BytesIO(data), len(data), content_type="application/json")
    return name


def make_bucket() -> None:
    bucket = settings().s3_bucket
    if client().bucket_exists(bucket):
        print(f"bucket {bucket} exists")
    else:
        client().make_bucket(bucket)
        print(f"bucket {bucket} made")


if __name__ == "__main__":
    make_bucket()
    sys.exit(0)
