#!/usr/bin/env python3
"""What ./dev run shows: a server, a stream played into it over TCP, and what it counted.

Starts tallyd on a directory of its own (or --data-dir), sends a stream of today and one of three days
ago, asks questions with curl, lets retention roll the old minutes up into hours, then keeps a live
stream going until Ctrl-C. Ports are the usual ones, or free ones where those are taken.
"""

import argparse
import datetime
import json
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

READY = re.compile(r"tallymark ready ingest=(\S+) http=(\S+) ")
SHOWN_BYTES_MAX = 900


def say(text=""):
    print(text, flush=True)


def title(text):
    say(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n== {text}")


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def usual_or_free(port):
    """host:port of the usual port, or of any free one when somebody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            say(f"Port {port} is taken: taking a free one.")
            return "127.0.0.1:0"
    return f"127.0.0.1:{port}"


class Demo:
    def __init__(self, args, data_dir):
        self.args = args
        self.data_dir = data_dir
        self.log = open(data_dir.with_name(data_dir.name + ".log"), "ab")
        self.server = None
        self.ingest, self.http = usual_or_free(9009), usual_or_free(8086)
        self.now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
        # A whole number of hours, so that hours alone can answer for it.
        self.old = (self.now - datetime.timedelta(days=3)).replace(minute=0)

    def command(self, name, *options):
        """The command line, shown to the reader as it runs."""
        words = [str(self.args.bin_dir / name), *map(str, options)]
        say("$ " + " ".join(shlex.quote(word) for word in words))
        return words

    def start(self, *options):
        command = self.command("tallyd", "--data-dir", self.data_dir, "--ingest-listen", self.ingest,
                               "--http-listen", self.http, *options)
        # A session of its own: Ctrl-C in the terminal is this script's to hand on, in order.
        self.server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True,
                                       start_new_session=True)
        line = self.server.stdout.readline()
        ready = READY.match(line)
        if not ready:
            sys.exit(f"tallyd did not start; its log is {self.log.name}")
        say(line.strip())
        self.ingest, self.http = ready.groups()

    def stop(self):
        if not self.server:
            return
        self.server.send_signal(signal.SIGTERM)
        code = self.server.wait()
        self.server = None
        if code != 0:
            sys.exit(f"tallyd ended with {code}; its log is {self.log.name}")

    def play(self, *options):
        command = self.command("tally", "gen", *options, "--to", self.ingest)
        result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        say(result.stdout.strip())

    def ask(self, path):
        """Shows a curl command and its answer; returns the answer."""
        url = f"http://{self.http}{path}"
        say(f"$ curl -s '{url}'")
        answer = subprocess.run(["curl", "-s", url], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        say(answer if len(answer) <= SHOWN_BYTES_MAX else answer[:SHOWN_BYTES_MAX] + " ...")
        return json.loads(answer)

    def show_counts(self):
        title("What was counted")
        top = self.ask("/v1/ads/popular_ads?count=5&window=60")
        ad = top["ad_ids"][0]
        say(f"\nThe clicks of {ad} in the last 15 minutes, and its minutes:")
        self.ask(f"/v1/ads/{ad}/aggregated_cnt?from=now-15m")
        self.ask(f"/v1/ads/{ad}/series?from=now-5m&step=1m&metrics=clicks,impressions,conversions,revenue")
        say("\nTwo of its raw events, and the server as a whole:")
        self.ask(f"/v1/ads/{ad}/events?from=now-15m&limit=2")
        self.ask("/v1/status")
        return ad

    def show_rollup(self, ad):
        begin = self.old
        hours = f"/v1/ads/{ad}/aggregated_cnt?from={iso(begin)}&to={iso(begin + datetime.timedelta(hours=2))}"
        minutes = f"/v1/ads/{ad}/aggregated_cnt?from={iso(begin)}&to={iso(begin + datetime.timedelta(minutes=10))}"
        title("Minutes become hours")
        say("Three days ago, asked for ten minutes and for two whole hours:")
        self.ask(minutes)
        before = self.ask(hours)
        say("\nNow the server keeps minutes for one day only. Compaction takes older minutes out of the rows it")
        say("rewrites, their hours stay. A question that needs such minutes is refused at once, never answered")
        say("with a wrong 0:")
        self.stop()
        self.start("--retain-minutes", "1d")
        self.wait_for_retention()
        self.ask(minutes)
        after = self.ask(hours)
        if before["count"] != after["count"]:
            sys.exit(f"the hours changed: {before['count']} before, {after['count']} after")
        say(f"The hours still hold {after['count']} clicks.")

    def wait_for_retention(self):
        """Until the server has moved its retention position, shortly after the start."""
        url = f"http://{self.http}/metrics"
        for _ in range(300):
            with urllib.request.urlopen(url) as answer:
                if b'tallymark_kept_from_timestamp_seconds{what="minutes"}' in answer.read():
                    return
            time.sleep(0.1)
        sys.exit("the server did not let go of old minutes")

    def stay(self):
        title("A live stream goes on; Ctrl-C ends it")
        command = self.command("tally", "gen", "--live", "--rate", self.args.rate, "--ads", 500, "--impressions",
                               0.6, "--conversions", 0.02, "--late-spread", "10m", "--to", self.ingest)
        say(f"\n  dashboard   http://{self.http}/\n  status      http://{self.http}/v1/status")
        say(f"  top ads     http://{self.http}/v1/ads/popular_ads?count=10&window=15")
        say(f"  metrics     http://{self.http}/metrics\n  endpoints   http://{self.http}/openapi.yaml")
        say(f"  ingest      nc {self.ingest.replace(':', ' ')}    (line protocol)")
        say(f"  data        {self.data_dir}\n  log         {self.log.name}\n")
        stream = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            while stream.poll() is None and self.server.poll() is None:
                time.sleep(0.5)
            who = "tallyd" if self.server.poll() is not None else "the stream"
            sys.exit(f"{who} ended by itself; the server's log is {self.log.name}")
        finally:
            if stream.poll() is None:
                stream.send_signal(signal.SIGTERM)
            stream.wait()

    def run(self):
        title("A server")
        self.start()
        title("A stream of the last two hours and one of three days ago, over TCP")
        shape = ("--ads", 500, "--impressions", 0.6, "--conversions", 0.02, "--late-spread", "30m")
        self.play("--events", self.args.events, "--start", iso(self.now - datetime.timedelta(hours=2)), "--span",
                  "2h", "--seed", int(self.now.timestamp()), "--bad-lines", 0.0001, *shape)
        self.play("--events", self.args.events // 4, "--start", iso(self.old), "--span", "2h", "--seed",
                  int(self.now.timestamp()) + 1, *shape)
        ad = self.show_counts()
        self.show_rollup(ad)
        self.stay()


def main():
    parser = argparse.ArgumentParser(prog="./dev run", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin-dir", type=pathlib.Path, default=pathlib.Path("build/release/bin"))
    parser.add_argument("--data-dir", type=pathlib.Path, help="kept; default: a new directory, removed at the end")
    parser.add_argument("--events", type=int, default=400_000, help="lines of the stream that is played first")
    parser.add_argument("--rate", type=int, default=500, help="lines a second of the live stream")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    scratch = None
    if not args.data_dir:
        scratch = pathlib.Path(tempfile.mkdtemp(prefix="tallymark-demo-"))
    demo = Demo(args, args.data_dir or scratch / "data")
    try:
        demo.run()
    except KeyboardInterrupt:
        say("\nStopping.")
    finally:
        demo.stop()
    if scratch:
        shutil.rmtree(scratch)
    say("tallyd stopped cleanly.")


if __name__ == "__main__":
    main()
