"""Calls AWS by botocore, as Debian packages it: a client that shares no code with Fairlead and signs for itself.

Reads JSON {"calls": [{"service", "operation", "input"}]} and prints a JSON list of what each gave: {"output"} or
{"code", "status", "message"}. A call may be {"wait": name} for one of botocore's waiters, or {"pages": operation}.
The environment says where, and with which key.
"""
import datetime
import json
import sys

import botocore.config
import botocore.exceptions
import botocore.session
import os

SESSION = botocore.session.get_session()
CONFIG = botocore.config.Config(retries={"max_attempts": 1}, connect_timeout=5, read_timeout=20)
CLIENTS = {}


def client(service):
    if service not in CLIENTS:
        CLIENTS[service] = SESSION.create_client(service, config=CONFIG, endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    return CLIENTS[service]


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k != "ResponseMetadata"}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value


def carry_out(call):
    held, arguments = client(call["service"]), call.get("input", {})
    if "wait" in call:
        held.get_waiter(call["wait"]).wait(WaiterConfig={"Delay": 0.2, "MaxAttempts": 100}, **arguments)
        return {}
    if "pages" in call:
        return plain(held.get_paginator(call["pages"]).paginate(**arguments).build_full_result())
    return plain(getattr(held, call["operation"])(**arguments))


def main():
    results = []
    for call in json.load(sys.stdin)["calls"]:
        try:
            results.append({"output": carry_out(call)})
        except botocore.exceptions.ClientError as error:
            results.append({
                "code": error.response["Error"]["Code"],
                "message": error.response["Error"].get("Message", ""),
                "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
            })
        except botocore.exceptions.BotoCoreError as error:
            results.append({"code": type(error).__name__, "message": str(error)})
    json.dump(results, sys.stdout)


main()
