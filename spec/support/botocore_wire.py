#!/usr/bin/python3
"""What botocore knows and would send, for comparing the aws module with it.

  botocore_wire.py models      standard input: a list of services; output: what each one's API model says
  botocore_wire.py serialize   standard input: a list of {service, operation, parameters}; output: the requests
  botocore_wire.py parse       standard input: a list of {service, operation, body}; output: what each answer's XML holds
  botocore_wire.py types       standard input: a list of services; output: the types of all members of their answers
  botocore_wire.py profiles    standard input: the text of a config file; output: its sections as botocore reads them
"""
import datetime
import json
import sys
import tempfile
import urllib.parse

import botocore.configloader
import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize

loader = botocore.loaders.Loader()


def model(service):
    return botocore.model.ServiceModel(loader.load_service_model(service, "service-2"), service)


def bears_no_signature(operation):
    return operation.auth_type == "none" or "smithy.api#noAuth" in (getattr(operation, "auth", None) or [])


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
        "unsigned": [name for name in known.operation_names if bears_no_signature(known.operation_model(name))],
        "pages": pages,
    }


def serialize(call):
    known = model(call["service"])
    serializer = botocore.serialize.create_serializer(known.metadata["protocol"])
    request = serializer.serialize_to_request(call["parameters"], known.operation_model(call["operation"]))
    body = request["body"]
    if isinstance(body, dict):
        body = urllib.parse.urlencode(body)
    return {
        "method": request["method"],
        "path": request["url_path"],
        "headers": dict(request["headers"]),
        "body": body.decode() if isinstance(body, bytes) else body,
    }


def parse(call):
    known = model(call["service"])
    shape = known.operation_model(call["operation"]).output_shape
    answer = {"headers": {}, "status_code": 200, "body": call["body"].encode()}
    output = botocore.parsers.create_parser("query").parse(answer, shape)
    output.pop("ResponseMetadata")
    return output


def types(service):
    """{parent and name of a member: its type}, over all operations; "" is the parent of the outermost."""
    known, found = model(service), {}

    def walk(shape, parent, inside):
        if shape.type_name == "list":
            walk(shape.member, parent, inside)
        elif shape.type_name == "structure":
            for name, member in shape.members.items():
                found.setdefault(parent + "." + name, set()).add(member.type_name)
                if member.name not in inside:
                    walk(member, name, inside | {member.name})

    for name in known.operation_names:
        shape = known.operation_model(name).output_shape
        if shape:
            walk(shape, "", frozenset())
    return {name: sorted(kinds) for name, kinds in found.items()}


def profiles(text):
    with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
        file.write(text)
        file.flush()
        return botocore.configloader.load_config(file.name)["profiles"]


mode = sys.argv[1]
if mode == "profiles":
    json.dump(profiles(sys.stdin.read()), sys.stdout)
else:
    work = {"models": describe, "serialize": serialize, "parse": parse, "types": types}[mode]
    json.dump([work(item) for item in json.load(sys.stdin)], sys.stdout, default=datetime.datetime.timestamp)
