#!/usr/bin/python3
"""Recomputes AWS signatures with AWS's own libraries; none of this project's code runs here.

stdin: a JSON list of {"request": options of sigv4.sign, and, for `verify`, "headers": [[name, value], ...] and "url":
what the module made of it}. stdout: a JSON list of {"header": signature, "query": signature}.

  sigv4_oracle.py sign     what the C library aws-c-auth (python3-awscrt) makes of each request
  sigv4_oracle.py verify   what botocore (python3-botocore) makes of what was sent, as a server would
  sigv4_oracle.py fill F   rewrites F, a list of {"name", "request"}, with what `sign` gives as "header" and "query"
"""
import datetime
import json
import sys
from urllib.parse import quote, unquote, urlsplit

DEFAULT_EXPIRES = 900


def header_list(request):
    headers = request.get("headers", [])
    if isinstance(headers, dict):
        pairs = []
        for name, value in headers.items():
            pairs += [(name, one) for one in (value if isinstance(value, list) else [value])]
        return pairs
    return [tuple(pair) for pair in headers]


def split_url(url):
    """authority, path, query as they stand, without any decoding"""
    rest = url.split("#", 1)[0].split("://", 1)[1]
    end = min((rest.index(c) for c in "/?" if c in rest), default=len(rest))
    path, _, query = rest[end:].partition("?")
    return rest[:end], path, query


def sign_with_crt(request, kind):
    from awscrt import auth, http

    authority, path, query = split_url(request["url"])
    headers = header_list(request)
    if not any(name.lower() == "host" for name, _ in headers):
        scheme = request["url"].split("://", 1)[0].lower()
        default = ":443" if scheme == "https" else ":80"
        headers.append(("Host", authority.lower().removesuffix(default)))
    message = http.HttpRequest(
        request.get("method", "GET"), (path or "/") + ("?" + query if query else ""), http.HttpHeaders(headers))
    body = request.get("body", "").encode()
    if body:
        import io
        message.body_stream = io.BytesIO(body)
    credentials = request["credentials"]
    in_header = kind == "header"
    signature_type = "HTTP_REQUEST_HEADERS" if in_header else "HTTP_REQUEST_QUERY_PARAMS"
    body_header = "X_AMZ_CONTENT_SHA_256" if in_header and request.get("sign_payload_header") else "NONE"
    config = auth.AwsSigningConfig(
        algorithm=auth.AwsSigningAlgorithm.V4,
        signature_type=getattr(auth.AwsSignatureType, signature_type),
        credentials_provider=auth.AwsCredentialsProvider.new_static(
            credentials["access_key_id"], credentials["secret_access_key"], credentials.get("session_token")),
        region=request["region"],
        service=request["service"],
        date=datetime.datetime.fromtimestamp(request["time"], datetime.timezone.utc),
        use_double_uri_encode=request.get("double_encode", True),
        should_normalize_uri_path=request.get("normalize_path", True),
        signed_body_value=request.get("payload_hash"),
        signed_body_header_type=getattr(auth.AwsSignedBodyHeaderType, body_header),
        expiration_in_seconds=None if in_header else request.get("expires", DEFAULT_EXPIRES),
        omit_session_token=request.get("omit_session_token", False),
    )
    signed = auth.aws_sign_request(message, config).result(10)
    if in_header:
        return signed.headers.get("Authorization").rsplit("Signature=", 1)[1]
    return signed.path.rsplit("X-Amz-Signature=", 1)[1].split("&")[0]


def verify_with_botocore(request, sent, url, kind):
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    from botocore.utils import normalize_url_path

    credentials = request["credentials"]
    auth = SigV4Auth(
        Credentials(credentials["access_key_id"], credentials["secret_access_key"]), request["service"],
        request["region"])
    authority, path, query = split_url(url)
    params = []
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        params.append((unquote(name), unquote(value)))
    named = dict(params)
    if kind == "header":
        given = {name.lower(): value for name, value in sent}
        signed_names = given["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
        timestamp = given["x-amz-date"]
    else:
        signed_names = named["X-Amz-SignedHeaders"].split(";")
        timestamp = named["X-Amz-Date"]
        unsigned = ["X-Amz-Signature"] + (["X-Amz-Security-Token"] if request.get("omit_session_token") else [])
        params = [(name, value) for name, value in params if name not in unsigned]

    message = AWSRequest(method=request.get("method", "GET"), data=request.get("body", "").encode())
    for name, value in sent:
        if name.lower() in signed_names:
            message.headers.add_header(name, value)
    message.context["timestamp"] = timestamp
    if request.get("normalize_path", True):
        path = normalize_url_path(path or "/")
    if request.get("double_encode", True):
        path = quote(path, safe="/~")
    message.url = "https://%s/" % authority
    payload = request.get("payload_hash") or auth.payload(message)
    to_sign = auth.headers_to_sign(message)
    canonical = "\n".join([
        message.method.upper(), path or "/", auth._canonical_query_string_params(params),
        auth.canonical_headers(to_sign) + "\n", auth.signed_headers(to_sign), payload])
    return auth.signature(auth.string_to_sign(message, canonical), message)


def sign(cases):
    return [{kind: sign_with_crt(case["request"], kind) for kind in ("header", "query")} for case in cases]


def verify(cases):
    results = []
    for case in cases:
        request = case["request"]
        results.append({
            "header": verify_with_botocore(request, case["headers"], request["url"], "header"),
            "query": verify_with_botocore(request, case["headers"], case["url"], "query"),
        })
    return results


def fill(path):
    with open(path, encoding="utf-8") as file:
        cases = json.load(file)
    for case, signatures in zip(cases, sign(cases)):
        case.update(signatures)
    with open(path, "w", encoding="utf-8") as file:
        lines = [json.dumps(case, ensure_ascii=False) for case in cases]
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["fill"]:
        fill(sys.argv[2])
    else:
        work = {"sign": sign, "verify": verify}[sys.argv[1]]
        json.dump(work(json.load(sys.stdin)), sys.stdout)
