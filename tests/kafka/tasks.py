#!/usr/bin/env python3
"""Tasks stay whole on a real broker: processes that copy two topics join, leave and die, and after each step every task, which is a partition of both topics,
has one owner; in the end every record is there once, in order. Last line `N passed, N failed`."""
import collections
import os
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tools", "kafka"))
import broker  # noqa: E402

PROGRAM = os.path.join(os.environ.get("KLAMM_BUILD", os.path.join(ROOT, "build")), "tests", "kafka", "kafka_copy")
SETTINGS = {"group.min.session.timeout.ms": 500, "transaction.abort.timed.out.transaction.cleanup.interval.ms": 500}
PARTITIONS = 6
checks = []


def check(what, ok, detail=""):
    checks.append(bool(ok))
    if not ok:
        print(f"FAILED: {what}: {detail}"[:3000], flush=True)


class World:
    """One broker, a feeder, and the processes that copy."""

    def __init__(self, one, folder, name, session_ms):
        self.one, self.folder, self.name, self.session_ms = one, folder, name, session_ms
        self.topics = [f"{name}-a", f"{name}-b"]
        self.out = f"{name}-out"
        self.processes, self.count = {}, 0
        subprocess.run([PROGRAM, "create", one.address, str(PARTITIONS), *self.topics, self.out], check=True, timeout=60)
        self.feeder = self.spawn("feeder", "feed", one.address, "400", str(PARTITIONS), *self.topics)

    def path(self, name):
        return os.path.join(self.folder, f"{self.name}.{name}.log")

    def spawn(self, name, *arguments):
        with open(self.path(name), "wb") as log, open(self.path(name) + ".err", "wb") as errors:
            return subprocess.Popen([PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=errors)

    def join(self):
        self.count += 1
        name = f"c{self.count}"
        self.processes[name] = self.spawn(name, "copy", self.one.address, self.name, name, str(self.session_ms), self.out, *self.topics)
        return name

    def leave(self, name):
        process = self.processes.pop(name)
        process.terminate()
        try:
            check(f"{name} leaves in order", process.wait(timeout=30) == 0, self.tail(name))
        except subprocess.TimeoutExpired:
            check(f"{name} leaves in time", False, self.tail(name))
            process.kill()

    def kill(self, name):
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def tail(self, name):
        with open(self.path(name), errors="replace") as log, open(self.path(name) + ".err", errors="replace") as errors:
            return log.read()[-1000:] + errors.read()[-1500:]

    def owners(self):
        """Which of the running processes has which task, by what they have said."""
        owners = collections.defaultdict(list)
        for name in self.processes:
            mine = set()
            with open(self.path(name), errors="replace") as log:
                for line in log:
                    event = line.split()[1:]
                    if event[0] == "opened":
                        mine.add(int(event[1]))
                    elif event[0] in ("revoked", "lost"):
                        mine.discard(int(event[1]))
            for task in mine:
                owners[task].append(name)
        return owners

    def settled(self, seconds=60):
        """Whether in so many seconds every task has one owner."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            owners = self.owners()
            if sorted(owners) == list(range(PARTITIONS)) and all(len(names) == 1 for names in owners.values()):
                return True
            time.sleep(0.1)
        return False

    def read(self, topic):
        """offset lists of (key, value) by partition, committed records only."""
        command = ["kcat", "-b", self.one.address, "-C", "-t", topic, "-e", "-q", "-o", "beginning", "-X", "isolation.level=read_committed", "-f", "%p %o %k %s\n"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        records = collections.defaultdict(list)
        for line in done.stdout.splitlines():
            partition, offset, key, value = line.split(" ", 3)
            records[int(partition)].append((int(offset), key, value))
        return records

    def finish(self):
        self.feeder.terminate()
        check("the feeder ends in order", self.feeder.wait(timeout=60) == 0, self.tail("feeder"))
        with open(self.path("feeder")) as log:
            sent = int(log.read().split()[-1])
        self.verify(sent)
        for name in list(self.processes):
            self.leave(name)

    def verify(self, sent):
        expected = [f"{topic}/{p}/{i}" for p in range(PARTITIONS) for topic in self.topics for i in range((sent + PARTITIONS - 1 - p) // PARTITIONS)]
        until = time.monotonic() + 90
        while True:
            found = {p: [key for _, key, _ in records] for p, records in self.read(self.out).items()}
            if sum(map(len, found.values())) >= len(expected) or time.monotonic() > until:
                break
            time.sleep(0.5)
        flat = collections.Counter(key for keys in found.values() for key in keys)
        if sum(map(len, found.values())) != len(expected):  # was it written so?
            for topic in self.topics:
                for p, records in sorted(self.read(topic).items()):
                    values = [int(value) for _, _, value in records]
                    wrong = [(o, a, b) for (o, _, _), a, b in zip(records[1:], values, values[1:]) if b != a + PARTITIONS]
                    print(topic, p, "has", len(records), "ends", records[-1][0], "wrong", wrong[:10], flush=True)
        twice = [key for key, count in flat.items() if count > 1]
        missing = [key for key in expected if key not in flat]
        check("every record once", not twice and not missing and len(flat) == len(expected), f"{len(expected)} expected, {len(flat)} found, {len(missing)} missing {missing[:5]}, unknown {sorted(set(flat) - set(expected))[:5]}, {len(twice)} twice {twice[:5]}")
        disorder = 0
        for p, keys in found.items():
            for topic in self.topics:
                offsets = [int(key.rsplit("/", 1)[1]) for key in keys if key.startswith(f"{topic}/{p}/")]
                disorder += offsets != sorted(offsets)
            disorder += any(key.split("/")[1] != str(p) for key in keys)
        check("in order, each task in its own partition", disorder == 0, disorder)
        print(f"{self.name}: {len(expected)} records, {len(twice)} twice, {len(missing)} missing", flush=True)


def steps(world):
    """Three members join, leave and die; after each step every task is whole."""
    first = world.join()
    check("one member", world.settled(), world.tail(first))
    second = world.join()
    time.sleep(3)
    check("a second joins", world.settled() and second in sum(world.owners().values(), []), world.tail(second))
    third = world.join()
    time.sleep(3)
    check("a third joins", world.settled() and third in sum(world.owners().values(), []), world.tail(third))
    world.leave(first)
    check("the first leaves", world.settled(), dict(world.owners()))
    world.kill(second)
    check("the second is killed", world.settled(), dict(world.owners()))
    fourth = world.join()
    time.sleep(3)
    check("a fourth joins", world.settled() and fourth in sum(world.owners().values(), []), world.tail(fourth))


def main():
    with broker.Broker(SETTINGS) as one, tempfile.TemporaryDirectory(prefix="klamm-tasks-") as folder:
        world = World(one, folder, "tasks", 6000)
        try:
            steps(world)
            world.finish()
        finally:
            for process in [world.feeder, *world.processes.values()]:
                process.kill()
    print(f"{sum(checks)} passed, {len(checks) - sum(checks)} failed")
    return 0 if all(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
