#!/usr/bin/env python3
"""tickcast's sub-commands and command line, as an operator calls them.

    subcommands_test.py SERVER

Tokens are looked at with Python's own HMAC, configurations of Centrifugo with the names and values
that its documentation shows.
"""

import base64
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import unittest

SERVER = None  # Set from the command line.
SECRET = "a secret that is long enough for any algorithm"


def run(*arguments, folder=None, env=None):
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("TICKCAST_", "CENTRIFUGO_"))}
    environment.update(env or {})
    return subprocess.run([SERVER, *arguments], capture_output=True, text=True, timeout=30,
                          cwd=folder, env=environment)


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def sign(claims, secret=SECRET):
    signed = encoded(b'{"alg":"HS256"}') + "." + encoded(json.dumps(claims).encode())
    return signed + "." + encoded(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, text):
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def config(self, **client):
        client.setdefault("token", {"hmac_secret_key": SECRET})
        return self.write("config.json", json.dumps({"client": client}))

    def ok(self, *arguments, **more):
        done = run(*arguments, folder=self.folder, **more)
        self.assertEqual((done.returncode, done.stderr), (0, ""), arguments)
        return done.stdout

    def fails(self, status, *arguments, **more):
        done = run(*arguments, folder=self.folder, **more)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stdout, "")
        return done.stderr

    def claims(self, token, secret=SECRET):
        signed, _, signature = token.rpartition(".")
        expected = hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)
        self.assertEqual(unpadded(signature), expected)
        header, payload = signed.split(".")
        self.assertEqual(json.loads(unpadded(header))["alg"], "HS256")
        return json.loads(unpadded(payload))


class HelpTest(Case):
    COMMANDS = ("genconfig", "checkconfig", "gentoken", "gensubtoken", "checktoken",
                "checksubtoken")

    def test_every_command_has_help_and_refuses_what_it_does_not_know(self):
        overview = run("--help").stdout
        for command in self.COMMANDS:
            self.assertIn(command, overview)
            self.assertIn(f"usage: tickcast {command}", self.ok(command, "--help"))
            self.assertEqual(self.ok(command, "-h"), self.ok(command, "--help"))
            self.assertIn("unknown option '--nope'", self.fails(2, command, "--nope"))
            self.assertIn("needs a value", self.fails(2, command, "--config"))
            self.assertIn("given twice", self.fails(2, command, "-c", "a", "--config=b"))

    def test_another_word_is_no_command(self):
        self.assertIn("unknown argument 'gentokens'", self.fails(2, "gentokens"))


class GenConfigTest(Case):
    def test_it_writes_a_configuration_in_each_form_that_the_server_takes(self):
        secrets = set()
        for name in ("config.toml", "config.json", "a.yaml", "b.yml"):
            self.assertEqual(self.ok("genconfig", "-c", name), f"wrote {name}\n")
            path = self.folder / name
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
            self.assertIn("the configuration is good", self.ok("checkconfig", "-s", "-c", name))
            token = self.ok("gentoken", "-c", name, "-u", "42", "-q")
            self.assertIn('user "42"', self.ok("checktoken", "-c", name, token))
            secrets.update(word for word in path.read_text().split('"') if len(word) == 86)
        self.assertEqual(len(secrets), 8)
        loaded = tomllib.loads((self.folder / "config.toml").read_text())
        self.assertEqual(loaded["client"]["allowed_origins"], [])
        self.assertEqual(len(loaded["http_api"]["key"]), 86)

    def test_config_toml_is_what_it_writes_by_itself(self):
        self.assertEqual(self.ok("genconfig"), "wrote config.toml\n")

    def test_a_file_that_is_there_stays(self):
        name = self.write("config.toml", "# mine\n")
        self.assertIn("File exists", self.fails(1, "genconfig"))
        self.assertEqual(pathlib.Path(name).read_text(), "# mine\n")
        self.assertIn("must end with", self.fails(2, "genconfig", "-c", "config.ini"))
        self.assertIn("No such file", self.fails(1, "genconfig", "-c", "none/config.toml"))


class TokenTest(Case):
    def test_a_token_says_who_and_for_how_long(self):
        self.config()
        before = int(time.time())
        claims = self.claims(self.ok("gentoken", "--user", "42", "-q"))
        self.assertEqual(claims["sub"], "42")
        self.assertNotIn("channel", claims)
        self.assertGreaterEqual(claims["iat"], before)
        self.assertEqual(claims["exp"], claims["iat"] + 604800)
        claims = self.claims(self.ok("gentoken", "-q", "-t", "60"))
        self.assertNotIn("sub", claims)
        self.assertEqual(claims["exp"], claims["iat"] + 60)
        self.assertNotIn("exp", self.claims(self.ok("gentoken", "-q", "--ttl=-1")))
        told = self.ok("gentoken", "-u", 'a"b')
        self.assertRegex(told, r'^token for user "a"b", good for 168h:\n[\w.-]+\n$')
        self.assertEqual(self.claims(told.split("\n")[1])["sub"], 'a"b')

    def test_a_subscription_token_has_its_channel(self):
        self.config()
        claims = self.claims(self.ok("gensubtoken", "-q", "-u", "7", "-s", "$room:ü"))
        self.assertEqual((claims["sub"], claims["channel"]), ("7", "$room:ü"))
        self.assertIn("--channel is missing", self.fails(2, "gensubtoken", "-u", "7"))

    def test_subscriptions_may_have_a_secret_of_their_own(self):
        other = "another secret, for subscriptions alone"
        self.config(subscription_token={"enabled": True, "hmac_secret_key": other})
        token = self.ok("gensubtoken", "-q", "-u", "7", "-s", "a")
        self.claims(token, other)
        self.assertIn('channel "a"', self.ok("checksubtoken", token))
        self.assertIn("wrong_signature", self.fails(1, "checktoken", token))

    def test_the_user_is_in_the_claim_that_the_configuration_names(self):
        self.config(token={"hmac_secret_key": SECRET, "user_id_claim": "user_id"})
        token = self.ok("gentoken", "-q", "-u", "42")
        self.assertEqual(self.claims(token)["user_id"], "42")
        self.assertIn('user "42"', self.ok("checktoken", token))

    def test_a_wrong_time_or_no_secret_makes_no_token(self):
        self.config()
        for ttl in ("0", "-2", "x", "1000000001"):
            self.assertIn("--ttl must be", self.fails(2, "gentoken", "-t", ttl))
        self.assertIn("takes no operands", self.fails(2, "gentoken", "x"))
        self.config(token={})
        self.assertIn("there is no hmac_secret_key", self.fails(1, "gentoken"))
        self.assertIn("cannot be read", self.fails(2, "gentoken", "-c", "none.json"))

    def test_the_secret_may_come_from_the_environment(self):
        for name in ("TICKCAST_CLIENT_TOKEN_HMAC_SECRET_KEY",
                     "CENTRIFUGO_CLIENT_TOKEN_HMAC_SECRET_KEY"):
            self.claims(self.ok("gentoken", "-q", env={name: SECRET}))

    def test_a_good_token_is_shown_with_its_claims(self):
        self.config()
        shown = self.ok("checktoken", sign({"sub": "42", "info": {"a": 1}}))
        self.assertEqual(shown, 'good token for user "42"\nclaims: {"sub": "42", "info": {"a": 1}}\n')
        self.assertIn("an anonymous user", self.ok("checktoken", sign({})))

    def test_a_token_that_is_not_good_is_told_why(self):
        self.config(disallow_anonymous_connection_tokens=True)
        now = int(time.time())
        for claims, why in (({"sub": "1", "exp": now - 1}, "expired"),
                            ({"sub": "1", "nbf": now + 60}, "not_yet"),
                            ({"sub": "1", "channel": "a"}, "it has a channel"),
                            ({}, "disallow_anonymous_connection_tokens")):
            self.assertIn(why, self.fails(1, "checktoken", sign(claims)))
        self.assertIn("wrong_signature", self.fails(1, "checktoken", sign({"sub": "1"}, "x")))
        self.assertIn("malformed", self.fails(1, "checktoken", "abc"))
        self.assertIn("it has no channel", self.fails(1, "checksubtoken", sign({"sub": "1"})))
        self.assertIn("takes one token", self.fails(2, "checktoken"))

    def test_a_key_that_cannot_be_used_is_told(self):
        self.config(token={"rsa_public_key": "-----BEGIN PUBLIC KEY-----\nnone"})
        self.assertIn("client.token.rsa_public_key", self.fails(1, "checktoken", sign({})))
        self.assertIn("client.token.rsa_public_key", self.fails(1, "checkconfig"))
        self.assertIn("client.token.rsa_public_key",
                      self.fails(2, "--check-config", "-c", "config.json"))

    def test_keys_are_fetched_from_a_url(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200 if self.path == "/jwks" else 404)
                self.end_headers()
                self.wfile.write(b'{"keys":[]}')

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        url = f"http://127.0.0.1:{server.server_port}"
        token = sign({"sub": "1"})
        self.config(token={"jwks_public_endpoint": url + "/jwks"})
        self.assertIn("the token is not good", self.fails(1, "checktoken", token))
        self.config(token={"jwks_public_endpoint": url + "/none"})
        self.assertIn("/none: status 404", self.fails(1, "checktoken", token))


class CheckConfigTest(Case):
    def test_mistakes_and_warnings_name_their_line(self):
        name = self.write("c.json", '{\n"client": {"ping_interval": "soon"},\n'
                                    '"admin": {"enabled": true}\n}')
        told = self.fails(1, "checkconfig", "-c", name)
        self.assertIn(f'{name}:2: client.ping_interval: "soon" is no duration', told)
        self.assertIn(f"warning: {name}:3: admin.enabled: is not here", told)

    def test_warnings_fail_only_when_they_shall(self):
        self.write("config.json", '{"admin": {"enabled": true}}')
        done = run("checkconfig", folder=self.folder)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout, "the configuration is good, and one of Centrifugo\n")
        self.assertIn("warning: config.json:1: admin.enabled", done.stderr)
        self.assertIn("warning: ", self.fails(1, "checkconfig", "--strict"))

    def test_without_a_file_it_checks_what_is_in_the_working_directory(self):
        self.assertIn("the configuration is good", self.ok("checkconfig"))
        self.write("config.yaml", "client: [\n")
        self.assertIn("config.yaml:", self.fails(1, "checkconfig"))
        self.write("config.toml", "[engine]\nshards = 1\n")
        self.assertEqual(self.ok("checkconfig"), "the configuration is good\n")


class OptionTest(Case):
    def test_keys_are_options_too(self):
        for arguments in (["--client.insecure"], ["--client.insecure=false"],
                          ["--http_server.port", "9000"], ["-p", "9000"], ["--port=9000"],
                          ["-a", "127.0.0.1"], ["--log.level", "debug", "--health.enabled"]):
            self.assertIn("good", self.ok("--check-config", *arguments))
        for arguments, why in ((["--client.insecrue"], "needs a value"),
                               (["--client.insecrue=true"], "did you mean `client.insecure`"),
                               (["--admin.enabled=true"], "is Centrifugo's and not here"),
                               (["-p", "70000"], "out of range"),
                               (["--client.insecure=maybe"], "must be a boolean")):
            self.assertIn(why, self.fails(2, "--check-config", *arguments))

    def test_a_configuration_of_centrifugo_is_taken_as_it_is(self):
        name = self.write("c.yaml", "client:\n  allowed_origins: ['*']\nconsumers:\n- name: a\n")
        done = run("--check-config", "-c", name)
        self.assertEqual((done.returncode, done.stdout),
                         (0, "the configuration is good, and one of Centrifugo\n"))
        self.assertIn(f"warning: {name}:3: consumers: is not here", done.stderr)


if __name__ == "__main__":
    SERVER = os.path.abspath(sys.argv.pop(1))
    unittest.main()
