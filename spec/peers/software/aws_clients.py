"""AWS's own clients for Python, to be asked over HTTP: boto3, or the AWS command line inside this process.

  python aws_clients.py boto3|aws PORT ENDPOINT

POST {service, operation, parameters} answers {output} or {code, message}; one try each. {"$time": seconds} and
{"$bytes": text} in parameters become what the client wants.
"""
import contextlib
import datetime
import http.server
import io
import json
import re
import sys

import boto3
import botocore
import botocore.config
import botocore.exceptions

mode, port, endpoint = sys.argv[1], int(sys.argv[2]), sys.argv[3]
config = botocore.config.Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
clients = {}
COMMANDS = {"codedeploy": "deploy", "s3": "s3api"}  # where the command line has another name than the SDK


def given(value):
    if isinstance(value, list):
        return [given(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$time" in value:
        time = datetime.datetime.fromtimestamp(value["$time"], datetime.timezone.utc)
        return time.isoformat() if mode == "aws" else time
    if "$bytes" in value:
        return value["$bytes"] if mode == "aws" else value["$bytes"].encode()
    return {key: given(item) for key, item in value.items()}


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return value.decode()
    if hasattr(value, "read"):
        return value.read().decode()
    raise TypeError(type(value))


def by_boto3(service, operation, parameters):
    if service not in clients:
        clients[service] = boto3.client(service, endpoint_url=endpoint, config=config)
    client = clients[service]
    method = {api: name for name, api in client.meta.method_to_api_mapping.items()}[operation]
    try:
        output = getattr(client, method)(**given(parameters))
        output.pop("ResponseMetadata", None)
        return {"output": output}
    except botocore.exceptions.ClientError as error:
        return {"code": error.response["Error"]["Code"], "message": error.response["Error"].get("Message"),
                "status": error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")}
    except botocore.exceptions.BotoCoreError as error:
        return {"code": type(error).__name__, "message": str(error)}


def by_command(service, operation, parameters):
    import awscli.clidriver
    arguments = [COMMANDS.get(service, service), botocore.xform_name(operation, "-"), "--output", "json",
                 "--endpoint-url", endpoint, "--no-paginate", "--cli-input-json", json.dumps(given(parameters))]
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = awscli.clidriver.create_clidriver().main(arguments)
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    if code == 0:
        return {"output": json.loads(texts[0] or "{}")}
    name = re.search(r"An error occurred \(([^)]+)\)", texts[1])
    return {"code": name[1] if name else f"exit code {code}", "message": texts[1].strip()}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = (by_command if mode == "aws" else by_boto3)(call["service"], call["operation"], call["parameters"])
        body = json.dumps(answer, default=plain).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
