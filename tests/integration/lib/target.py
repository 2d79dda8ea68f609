"""The server that the Python suite runs against, as lib/target.mjs: tickcast, or the program that
INTEGRATION_ORACLE names, with the same keys."""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import time

from harness import Server, write_toml

ORACLE = os.environ.get("INTEGRATION_ORACLE", "")
SDK_CONFIG = json.loads((pathlib.Path(__file__).parent.parent / "sdk_base_config.json").read_text())
TOKEN_SECRET = SDK_CONFIG["client.token.hmac_secret_key"]
OWN_KEYS = {
    "engine.shards": 2, "engine.pin": False, "shutdown.spread": "0s", "shutdown.timeout": "5s"}
ORACLE_KEYS = {"client.presence_update_interval": "1s", "usage_stats.disabled": True}


def nested(keys):
    """{"a.b": 1} to {"a": {"b": 1}}."""
    whole = {}
    for key, value in keys.items():
        *names, last = key.split(".")
        at = whole
        for name in names:
            at = at.setdefault(name, {})
        at[last] = value
    return whole


class Target(Server):
    def write_config(self, keys):
        if not ORACLE:
            return write_toml(self.folder / "server.toml", {**OWN_KEYS, **SDK_CONFIG, **keys})
        file = self.folder / "config.json"
        file.write_text(json.dumps(nested({**ORACLE_KEYS, **SDK_CONFIG, **keys})))
        return file

    def command(self):
        if not ORACLE:
            return super().command()
        return [ORACLE, "--config", str(self.config_file)]


def sdk_namespaces(**changes):
    """The namespaces of sdk_base_config.json, with `changes` to those that are named."""
    return [{**each, **changes.get(each["name"], {})} for each in SDK_CONFIG["channel.namespaces"]]


def make_token(**claims):
    """A JSON Web Token, HS256 (RFC 7519)."""

    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    head = encode(b'{"alg":"HS256","typ":"JWT"}')
    signed = head + b"." + encode(json.dumps(claims).encode())
    signature = hmac.new(TOKEN_SECRET.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + encode(signature)).decode()


def seconds_from_now(seconds):
    return int(time.time()) + seconds
