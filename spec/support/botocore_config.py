"""What botocore makes of AWS's configuration, for specs that compare.

Each mode takes a list of cases in JSON, and gives a list of answers:
  files        {"config": text, "credentials": text} -> {profile: {setting: value}} | {"error": name}
  endpoints    {"service", "region", "fips", "dual_stack"} -> url
  credentials  {"variables": {name: value}, "profile": name|null} -> {"key": id, "method": name} | {"error": name}
  tokens       {"folder", "start_url", "session": name|null} -> {"token", "expires": unix seconds}
"""
import json
import os
import sys
import tempfile

import botocore.session
import botocore.utils
import dateutil.parser
from botocore.config import Config

KEYS = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}


def plain(value):
    return {name: plain(item) for name, item in value.items()} if isinstance(value, dict) else value


def files(case):
    with tempfile.TemporaryDirectory() as folder:
        for name in ("config", "credentials"):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(case.get(name) or "")
        os.environ["AWS_CONFIG_FILE"] = os.path.join(folder, "config")
        os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.path.join(folder, "credentials")
        try:
            return plain(botocore.session.Session().full_config["profiles"])
        except Exception as error:  # which one is what the spec asks for
            return {"error": type(error).__name__}


def endpoints(case, session=botocore.session.Session()):
    config = Config(use_fips_endpoint=case["fips"], use_dualstack_endpoint=case["dual_stack"])
    return session.create_client(case["service"], region_name=case["region"], config=config, **KEYS).meta.endpoint_url


class Session(botocore.session.Session):
    """Takes addresses from AWS_ENDPOINT_URL_STS and _SSO as newer releases do."""

    def create_client(self, service_name, *rest, **options):
        options.setdefault("endpoint_url", os.environ.get("AWS_ENDPOINT_URL_" + service_name.upper()))
        return super().create_client(service_name, *rest, **options)


def credentials(case):
    before = dict(os.environ)
    try:
        os.environ.update(case["variables"])
        session = Session(profile=case.get("profile"))
        found = session.get_credentials()
        return found and {"key": found.get_frozen_credentials().access_key, "method": found.method}
    except Exception as error:
        return {"error": type(error).__name__}
    finally:
        os.environ.clear()
        os.environ.update(before)


def tokens(case):
    cache = botocore.utils.JSONFileCache(case["folder"])
    token = botocore.utils.SSOTokenLoader(cache=cache)(case["start_url"], session_name=case.get("session"))
    expires = dateutil.parser.parse(token["expiresAt"]).timestamp()
    return {"token": token["accessToken"], "expires": expires}


MODES = {"files": files, "endpoints": endpoints, "credentials": credentials, "tokens": tokens}
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ["AWS_STS_REGIONAL_ENDPOINTS"] = "regional"  # what newer releases do by themselves
print(json.dumps([MODES[sys.argv[1]](case) for case in json.load(sys.stdin)]))
