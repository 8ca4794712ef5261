#!/usr/bin/env python3
"""Kills a real tallyd with SIGKILL at random moments under load, restarts it, and counts.

Several connections send a seeded stream with `#sync` after every batch. A batch whose `synced` came
back must be there after any crash; what was not acknowledged is sent again, along with some batches
that were, which must then be duplicates to the last line. At the end every (ad, minute) count and the
top lists over HTTP equal this script's own model, and `tally verify` agrees with the directory.

  tests/kill_test.py --bin-dir build/release/bin --rounds 200 --seed 7
"""

import argparse
import collections
import http.client
import json
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

MINUTE_NS = 60 * 10**9
KINDS = {"impression": "impressions", "click": "clicks", "conversion": "conversions"}
METRICS = ("impressions", "clicks", "conversions")
BAD_LINES = ("click,ad_id=ad1 event_id= 1", "nonsense", 'click event_id="no-ad" 1609459200000000000')
PIPELINE_DEPTH = 4  # batches sent on a connection before the oldest answer is awaited


class Workload:
    """The stream: batch b of connection c is a pure function of (seed, c, b)."""

    def __init__(self, seed, ads, now_minute):
        self.seed = seed
        self.ads = [f"ad{number:04d}" for number in range(ads)]
        self.weights = [1 / (rank + 1) for rank in range(ads)]
        # Most events are of the last two hours, some of two hours forty days ago.
        self.spans = ((now_minute - 120, now_minute), (now_minute - 57_600, now_minute - 57_480))

    def batch(self, connection, number):
        rng = random.Random(f"{self.seed}/{connection}/{number}")
        ads = rng.choices(self.ads, self.weights, k=rng.choice((1, 7, 60, 400)))
        lines, counts = [], collections.Counter()
        revenue = collections.Counter()
        for index, ad in enumerate(ads):
            begin, end = self.spans[rng.random() < 0.1]
            minute = rng.randrange(begin, end)
            stamp = minute * MINUTE_NS + rng.randrange(MINUTE_NS)
            kind = rng.choices(tuple(KINDS), (5, 4, 1))[0]
            name = f"{connection}-{number}-{index}"
            fields = [f'user_id="u{name}"', f'ip="10.{rng.randrange(256)}.0.{rng.randrange(256)}"']
            if rng.random() < 0.9:  # the others are known by all that they carry
                fields.append(f'event_id="e{name}"')
            if kind == "conversion":
                micros = rng.randrange(1, 10**9)
                revenue[ad, minute] += micros
                fields.append(f"revenue={micros // 10**6}.{micros % 10**6:06d}")
            counts[ad, minute, KINDS[kind]] += 1
            lines.append(f"{kind},ad_id={ad},country=C{rng.randrange(20)} {','.join(fields)} {stamp}")
        duplicates = rng.choices(lines, k=len(lines) // 30)
        rejected = [rng.choice(BAD_LINES) for _ in range(rng.random() < 0.1)]
        mixed = lines + duplicates + rejected
        rng.shuffle(mixed)
        return Batch(connection, number, mixed, counts, revenue, len(lines), len(duplicates), len(rejected))


Batch = collections.namedtuple(
    "Batch", "connection number lines counts revenue fresh duplicates rejected")


class Model:
    """What must be counted: `certain` was acknowledged, `possible` was sent and not acknowledged."""

    def __init__(self):
        self.certain = collections.Counter()
        self.possible = collections.Counter()
        self.revenue = collections.Counter()

    def acknowledge(self, batch):
        self.certain.update(batch.counts)
        self.revenue.update(batch.revenue)


class Server:
    """A tallyd process on one data directory; ports are new at every start."""

    def __init__(self, bin_dir, data_dir, log, flags):
        self.command = [str(bin_dir / "tallyd"), "--data-dir", str(data_dir), "--ingest-listen",
                        "127.0.0.1:0", "--http-listen", "127.0.0.1:0", *flags]
        self.log = log
        self.process = None
        self.ingest = self.http = None

    def spawn(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=self.log, text=True)

    def start(self):
        self.spawn()
        line = self.process.stdout.readline()
        match = re.match(r"tallymark ready ingest=(\S+):(\d+) http=(\S+):(\d+) ", line)
        if not match:
            raise AssertionError(f"no ready line but {line!r}, exit code {self.process.wait()}")
        self.ingest = (match[1], int(match[2]))
        self.http = (match[3], int(match[4]))

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=300)
        self.process.stdout.close()
        assert code == 0, f"tallyd ended with {code} after SIGTERM"


class Sender(threading.Thread):
    """Sends batches over one connection until told to stop or cut off.

    `plan` holds the batches that go first: (batch, resent), where resent is None for what was never
    acknowledged and "duplicate" for what was; fresh batches follow. What the server acknowledged is
    in `acknowledged`, what it may or may not have taken in `unanswered`, in the order sent.
    """

    def __init__(self, address, workload, connection, plan, next_number):
        super().__init__(daemon=True)
        self.address = address
        self.workload = workload
        self.connection = connection
        self.plan = plan
        self.next_number = next_number
        self.acknowledged = []
        self.unanswered = collections.deque()
        self.stopping = threading.Event()
        self.failure = None

    def run(self):
        try:
            with socket.create_connection(self.address) as self.socket:
                self.answers = self.socket.makefile("r", encoding="ascii", newline="\n")
                self.send_all()
        except OSError:
            pass  # killed under us: what has no answer stays in `unanswered`
        except AssertionError as error:
            self.failure = error

    def send_all(self):
        for batch, resent in self.plan:
            self.send(batch, "duplicate" if resent else "maybe")
        self.plan = []
        while not self.stopping.is_set():
            batch = self.workload.batch(self.connection, self.next_number)
            self.next_number += 1
            self.send(batch, "new")
        while self.unanswered:
            self.await_answer()

    def send(self, batch, expectation):
        self.unanswered.append((batch, expectation))
        text = "\n".join(batch.lines) + f"\n#sync b{batch.number}\n"
        self.socket.sendall(text.encode())
        if len(self.unanswered) >= PIPELINE_DEPTH:
            self.await_answer()

    def await_answer(self):
        answer = self.answers.readline()
        if not answer.endswith("\n"):
            raise ConnectionError("closed")
        batch, expectation = self.unanswered[0]
        match = re.fullmatch(r"synced b(\d+) accepted=(\d+) duplicates=(\d+) rejected=(\d+)\n", answer)
        assert match, f"unexpected answer {answer!r}"
        number, accepted, duplicates, rejected = map(int, match.groups())
        what = f"batch {batch.connection}/{batch.number} ({expectation}): {answer!r}"
        assert number == batch.number, what
        assert rejected == batch.rejected, what
        assert accepted + duplicates == batch.fresh + batch.duplicates, what
        if expectation == "new":
            assert accepted == batch.fresh, what
        if expectation == "duplicate":
            assert accepted == 0, what
        self.acknowledged.append((batch, expectation))
        self.unanswered.popleft()


class Reader:
    """HTTP questions over one kept connection."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(*address)

    def get(self, path, **query):
        self.connection.request("GET", f"{path}?{urllib.parse.urlencode(query)}")
        response = self.connection.getresponse()
        body = response.read()
        assert response.status == 200, f"{path} {query}: {response.status} {body!r}"
        return json.loads(body)

    def metric(self, name):
        self.connection.request("GET", "/metrics")
        text = self.connection.getresponse().read().decode()
        return int(re.search(rf"^{name} (\d+)$", text, re.MULTILINE)[1])

    def minutes(self, ad, span):
        """{(ad, minute, metric): count} and {(ad, minute): revenue in millionths}, zeros left out."""
        answer = self.get(f"/v1/ads/{ad}/series", step="1m", metrics=",".join(METRICS) + ",revenue",
                          **{"from": span[0] * 60_000, "to": span[1] * 60_000})
        counts, revenue = {}, {}
        for point in answer["points"]:
            minute = point["t"] // 60_000
            counts.update({(ad, minute, m): point[m] for m in METRICS if point[m]})
            micros = int(point["revenue"].replace(".", ""))
            if micros:
                revenue[ad, minute] = micros
        return counts, revenue


class KillTest:
    def __init__(self, args, directory):
        self.args = args
        self.rng = random.Random(args.seed)
        self.data_dir = directory / "data"
        self.log = open(directory / "tallyd.log", "ab")
        # So small that kills fall into checkpoints, sealing and repacking.
        flags = ["--checkpoint-events", "20000", "--checkpoint-interval", "1s", "--seal-identities", "50000",
                 "--seal-interval", "300ms", "--repack-quiet", "50ms", *args.server_flag]
        self.server = Server(args.bin_dir, self.data_dir, self.log, flags)
        self.workload = Workload(args.seed, args.ads, int(time.time()) // 60)
        self.model = Model()
        self.next_number = [0] * args.connections
        self.unanswered = [[] for _ in range(args.connections)]  # batches, in the order sent
        self.acknowledged = [[] for _ in range(args.connections)]  # numbers of batches
        self.lines = 0
        self.repacked = 0

    def run(self):
        for round_number in range(self.args.rounds):
            self.start_through_crashes()
            if self.rng.random() < 0.4:
                time.sleep(self.rng.uniform(0, 2))  # blocks are repacked when nothing arrives
            self.repacked += Reader(self.server.http).metric("tallymark_repacked_blocks_total")
            self.check_sample()
            last = round_number == self.args.rounds - 1
            self.load(kill=not last)
            print(f"round {round_number + 1}/{self.args.rounds}: {self.lines} lines sent, "
                  f"{sum(map(len, self.acknowledged))} batches acknowledged, {self.repacked} blocks repacked, "
                  f"{sum(map(len, self.unanswered))} to send again", flush=True)
        assert not any(self.unanswered)
        self.check_counts(self.workload.ads)
        self.check_top_lists()
        self.server.stop()
        verify = [str(self.args.bin_dir / "tally"), "verify", "--data-dir", str(self.data_dir)]
        subprocess.run(verify, check=True, stdout=sys.stderr)

    def start_through_crashes(self):
        """Starts the server; now and then it is killed while it recovers, before that succeeds."""
        while self.rng.random() < 0.2:
            self.server.spawn()
            time.sleep(self.rng.uniform(0, 0.3))
            self.server.kill()
        self.server.start()

    def load(self, kill):
        senders = []
        for connection in range(self.args.connections):
            plan = [(batch, None) for batch in self.unanswered[connection]]
            known = self.acknowledged[connection]
            for number in self.rng.sample(known, min(3, len(known))):
                plan.insert(self.rng.randint(0, len(plan)), (self.workload.batch(connection, number), "duplicate"))
            sender = Sender(self.server.ingest, self.workload, connection, plan, self.next_number[connection])
            senders.append(sender)
            sender.start()
        time.sleep(self.rng.uniform(0.02, self.args.round_seconds))
        if kill and self.rng.random() < 0.9:
            self.server.kill()
            self.finish(senders)
        else:
            for sender in senders:
                sender.stopping.set()
            self.finish(senders)
            if kill:
                self.server.stop()

    def finish(self, senders):
        for sender in senders:
            sender.join()
        for connection, sender in enumerate(senders):
            if sender.failure:
                raise sender.failure
            self.next_number[connection] = sender.next_number
            for batch, expectation in sender.acknowledged:
                self.lines += len(batch.lines)
                if expectation != "duplicate":
                    self.model.acknowledge(batch)
                    self.acknowledged[connection].append(batch.number)
            self.unanswered[connection] = [b for b, e in sender.unanswered if e != "duplicate"]
            self.unanswered[connection] += [b for b, resent in self.not_sent(sender) if not resent]
        self.model.possible.clear()
        for batch in (b for batches in self.unanswered for b in batches):
            self.model.possible.update(batch.counts)

    @staticmethod
    def not_sent(sender):
        """The tail of the plan that the cut came before."""
        handled = {(b.number, e == "duplicate") for b, e in (*sender.acknowledged, *sender.unanswered)}
        return [(b, r) for b, r in sender.plan if (b.number, bool(r)) not in handled]

    def check_sample(self):
        sample = self.rng.sample(self.workload.ads, min(20, len(self.workload.ads)))
        self.check_counts(sample + self.workload.ads[:5])

    def check_counts(self, ads):
        """Every minute of these ads lies between what is certain and what is possible beside it."""
        reader = Reader(self.server.http)
        asked = set(ads)
        counts, revenue = {}, {}
        for ad in asked:
            for span in self.workload.spans:
                for whole, part in zip((counts, revenue), reader.minutes(ad, span)):
                    whole.update(part)
        wanted = {k: n for k, n in self.model.certain.items() if k[0] in asked}
        for key in sorted(counts.keys() | wanted):
            got, least = counts.get(key, 0), wanted.get(key, 0)
            most = least + self.model.possible.get(key, 0)
            assert least <= got <= most, f"{key}: counted {got}, must be {least}..{most}"
        if not self.model.possible:
            wanted = {k: n for k, n in self.model.revenue.items() if k[0] in asked}
            assert revenue == wanted, "revenue differs"

    def check_top_lists(self):
        reader = Reader(self.server.http)
        for end in (self.workload.spans[0][1], self.workload.spans[1][1] - 30):
            for window in (1, 60, 90, 1440):
                for metric in METRICS:
                    sums = collections.Counter()
                    for (ad, minute, name), count in self.model.certain.items():
                        if name == metric and end - window <= minute < end:
                            sums[ad] += count
                    ranked = sorted(sums.items(), key=lambda item: (-item[1], item[0].encode()))
                    answer = reader.get("/v1/ads/popular_ads", count=10_000, window=window, metric=metric,
                                        to=end * 60_000)
                    got = list(zip(answer["ad_ids"], answer["counts"]))
                    assert got == ranked, f"top list: window {window}, {metric}, to {end}: {got[:5]} != {ranked[:5]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin-dir", type=pathlib.Path, default=pathlib.Path("build/release/bin"))
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--ads", type=int, default=200)
    parser.add_argument("--round-seconds", type=float, default=1.2, help="longest time under load before a kill")
    parser.add_argument("--server-flag", action="append", default=[], help="passed on to tallyd; repeatable")
    parser.add_argument("--keep", action="store_true", help="keep the directory also after success")
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="tallymark-kill-"))
    test = KillTest(args, directory)
    try:
        test.run()
    except BaseException:
        print(f"failed with seed {args.seed}; data and log kept in {directory}", file=sys.stderr)
        args.keep = True
        raise
    finally:
        if test.server.process and test.server.process.poll() is None:
            test.server.process.kill()
    if not args.keep:
        shutil.rmtree(directory)
    print(f"ok: {test.lines} lines, {args.rounds} rounds, seed {args.seed}")


if __name__ == "__main__":
    main()
