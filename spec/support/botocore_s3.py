#!/usr/bin/python3
"""S3 as botocore knows it, for comparing the aws module's S3 client with it.

  botocore_s3.py model    standard input: a list of operations; output: where each one's members go and come from
  botocore_s3.py send     standard input: a list of {operation, parameters, style?, presign?: seconds}; output: what
                          botocore sends, signed at 2026-03-02T09:00:00Z
  botocore_s3.py parse    standard input: a list of {operation, status, headers, body}; output: what each answer holds
"""
import datetime
import json
import sys

import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.model
import botocore.parsers
import botocore.session
import botocore.loaders

AT = datetime.datetime(2026, 3, 2, 9, 0, 0)


class Frozen(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return AT

    @classmethod
    def now(cls, tz=None):
        return AT.replace(tzinfo=tz)


class FrozenModule:
    timedelta = datetime.timedelta
    timezone = datetime.timezone
    datetime = Frozen


# Python's own signer, whose clock can be stopped, also where awscrt's would be used.
botocore.auth.datetime = FrozenModule
if hasattr(botocore.auth, "get_current_datetime"):
    botocore.auth.get_current_datetime = lambda *_, **__: AT
botocore.auth.AUTH_TYPE_MAPS["s3v4"] = botocore.auth.S3SigV4Auth
botocore.auth.AUTH_TYPE_MAPS["s3v4-query"] = botocore.auth.S3SigV4QueryAuth

known = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("s3", "service-2"), "s3")


def place(shape, name, member):
    location = member.serialization.get("location", "body")
    kind = member.type_name
    if kind == "timestamp":
        kind = member.serialization.get("timestampFormat", "rfc822" if location == "header" else "iso8601")
    return {"location": location, "name": member.serialization.get("name", name), "kind": kind}


def describe(name):
    operation = known.operation_model(name)
    given, taken = operation.output_shape, operation.input_shape
    return {
        "method": operation.http["method"],
        "required": taken.required_members if taken else [],
        "takes": {member: place(taken, member, shape) for member, shape in taken.members.items()} if taken else {},
        "gives": {member: place(given, member, shape) for member, shape in given.members.items()} if given else {},
    }


def send(call):
    session = botocore.session.Session()
    session.set_credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", call.get("token"))
    config = botocore.config.Config(
        signature_version="s3v4", s3={"addressing_style": call.get("style", "auto"), "payload_signing_enabled": True}
    )
    client = session.create_client("s3", region_name="eu-west-2", config=config, endpoint_url=call.get("endpoint"))
    parameters = call["parameters"]
    if "presign" in call:
        return client.generate_presigned_url(botocore.xform_name(call["operation"]), Params=parameters, ExpiresIn=call["presign"])
    sent = []


    class Stop(Exception):
        pass

    def stop(request, **_):
        sent.append(request)
        raise Stop

    client.meta.events.register("before-send.s3", stop)
    method = botocore.xform_name(call["operation"])
    try:
        getattr(client, method)(**parameters)
    except Stop:
        pass
    request = sent[0]
    body = request.body
    if hasattr(body, "read"):
        body.seek(0)
        body = body.read()
    headers = {
        name: value.decode() if isinstance(value, bytes) else str(value) for name, value in request.headers.items()
    }
    return {
        "method": request.method,
        "url": request.url,
        "headers": headers,
        "body": body.decode() if isinstance(body, bytes) else body,
    }


def parse(call):
    shape = known.operation_model(call["operation"]).output_shape
    answer = {"headers": botocore.awsrequest.HeadersDict(call["headers"]), "status_code": call["status"], "body": call["body"].encode()}
    output = botocore.parsers.create_parser("rest-xml").parse(answer, shape)
    output.pop("ResponseMetadata")
    return output


work = {"model": describe, "send": send, "parse": parse}[sys.argv[1]]
json.dump([work(item) for item in json.load(sys.stdin)], sys.stdout, default=lambda at: at.timestamp())
