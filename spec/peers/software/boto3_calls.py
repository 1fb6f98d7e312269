"""Makes calls with boto3: one try each, one after the other.

  python boto3_calls.py <JSON   {endpoint, calls: [{service, operation, parameters}]}

Writes a JSON list: for each call {output} or {code, message}. {"$time": seconds} and {"$bytes": text} in parameters
become what boto3 wants.
"""
import datetime
import json
import sys

import boto3
import botocore.config
import botocore.exceptions


def given(value):
    if isinstance(value, list):
        return [given(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$time" in value:
        return datetime.datetime.fromtimestamp(value["$time"], datetime.timezone.utc)
    if "$bytes" in value:
        return value["$bytes"].encode()
    return {key: given(item) for key, item in value.items()}


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return value.decode()
    if hasattr(value, "read"):
        return value.read().decode()
    raise TypeError(type(value))


work = json.load(sys.stdin)
config = botocore.config.Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
clients = {}


def make(call):
    service = call["service"]
    if service not in clients:
        clients[service] = boto3.client(service, endpoint_url=work["endpoint"], config=config)
    client = clients[service]
    method = {api: name for name, api in client.meta.method_to_api_mapping.items()}[call["operation"]]
    try:
        output = getattr(client, method)(**given(call["parameters"]))
        output.pop("ResponseMetadata", None)
        return {"output": output}
    except botocore.exceptions.ClientError as error:
        metadata = error.response.get("ResponseMetadata", {})
        return {**{key.lower(): item for key, item in error.response["Error"].items()},
                "status": metadata.get("HTTPStatusCode")}
    except botocore.exceptions.BotoCoreError as error:
        return {"code": type(error).__name__, "message": str(error)}


json.dump([make(call) for call in work["calls"]], sys.stdout, default=plain)
