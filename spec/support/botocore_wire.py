#!/usr/bin/python3
"""What botocore knows and would send, for comparing the aws module with it.

  botocore_wire.py models      standard input: a list of services; output: what each one's API model says
  botocore_wire.py serialize   standard input: a list of {service, operation, parameters}; output: the requests
  botocore_wire.py profiles    standard input: the text of a config file; output: its sections as botocore reads them
"""
import json
import sys
import tempfile

import botocore.configloader
import botocore.loaders
import botocore.model
import botocore.serialize

loader = botocore.loaders.Loader()


def model(service):
    return botocore.model.ServiceModel(loader.load_service_model(service, "service-2"), service)


def describe(service):
    known = model(service)
    tokens = {}
    for name in known.operation_names:
        for member in known.operation_model(name).idempotent_members:
            tokens[name] = member
    pages = {}
    try:
        for name, page in loader.load_service_model(service, "paginators-1")["pagination"].items():
            if isinstance(page["input_token"], str):
                pages[name] = [page["output_token"], page["input_token"]]
    except botocore.exceptions.UnknownServiceError:
        pass
    return {
        "metadata": known.metadata,
        "signing": known.signing_name,
        "endpoint": known.endpoint_prefix,
        "service_id": str(known.service_id),
        "tokens": tokens,
        "pages": pages,
    }


def serialize(call):
    known = model(call["service"])
    serializer = botocore.serialize.create_serializer(known.metadata["protocol"])
    request = serializer.serialize_to_request(call["parameters"], known.operation_model(call["operation"]))
    body = request["body"]
    return {
        "method": request["method"],
        "path": request["url_path"],
        "headers": dict(request["headers"]),
        "body": body.decode() if isinstance(body, bytes) else body,
    }


def profiles(text):
    with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
        file.write(text)
        file.flush()
        return botocore.configloader.load_config(file.name)["profiles"]


mode = sys.argv[1]
if mode == "profiles":
    json.dump(profiles(sys.stdin.read()), sys.stdout)
else:
    json.dump([{"models": describe, "serialize": serialize}[mode](item) for item in json.load(sys.stdin)], sys.stdout)
