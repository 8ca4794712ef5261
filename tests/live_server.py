"""What the checks of the built programs share: a real tallyd, and how they report."""

import http.client
import json
import pathlib
import signal
import subprocess
import time

SKIPPED = 77  # ctest shows a script that exits with it as skipped


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def check(condition, text):
    if not condition:
        raise AssertionError(text)


class Server:
    """A tallyd on one data directory; it restarts on the ports it had first. Its log is DATA_DIR.log."""

    def __init__(self, bin_dir, data_dir, flags=()):
        self.bin_dir, self.data_dir, self.flags = pathlib.Path(bin_dir), data_dir, flags
        self.ingest, self.http = "127.0.0.1:0", "127.0.0.1:0"
        self.log = open(f"{data_dir}.log", "ab")
        self.process = self.connection = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [self.bin_dir / "tallyd", "--data-dir", self.data_dir, "--ingest-listen", self.ingest, "--http-listen",
             self.http, *self.flags], stdout=subprocess.PIPE, stderr=self.log, text=True)
        ready = self.process.stdout.readline()
        check(ready.startswith("tallymark ready "), f"tallyd said {ready!r}; see {self.data_dir}.log")
        fields = dict(field.split("=", 1) for field in ready.split()[2:])
        self.ingest, self.http = fields["ingest"], fields["http"]
        self.connection = http.client.HTTPConnection(self.http, timeout=120)

    def request(self, method, target, body=None):
        """Status and body; once more over a new connection when the kept one has been closed meanwhile."""
        for last in (False, True):
            try:
                self.connection.request(method, target, body)
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (ConnectionError, http.client.RemoteDisconnected):
                self.connection.close()
                if last:
                    raise

    def get(self, target):
        status, body = self.request("GET", target)
        check(status == 200, f"GET {target}: {status} {body[:300]!r}")
        return json.loads(body)

    def stop(self):
        self.connection.close()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=300)
        check(code == 0, f"tallyd exited with {code}")

    def kill(self):
        self.connection.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
