"""An application of several processes on a broker (kafka_pipeline), the feeder beside it, and what must be true of it in the end. For chaos.py."""
import collections
import glob
import os
import re
import signal
import sqlite3
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PROGRAM = os.path.join(os.environ.get("KLAMM_BUILD", os.path.join(ROOT, "build")), "tests", "kafka", "kafka_pipeline")
PARTITIONS, KEYS, GROUPS = 4, 97, 13  # the last two as in pipeline_main.cpp


class Application:
    """`guarantee`: exactly_once or at_least_once. `check(what, ok, detail)` is told what is found out."""

    def __init__(self, one, folder, name, guarantee, session_ms, rate, check):
        self.one, self.folder, self.name, self.guarantee, self.session_ms = one, folder, name, guarantee, session_ms
        self.processes, self.frozen, self.count = {}, {}, 0
        self.crashes = 0  # after which records may be counted again at least once
        self.faults = []  # (name, time) of those
        self.rate = rate
        self.check = lambda what, ok, detail="": check(f"{name}: {what}", ok, detail)
        subprocess.run([PROGRAM, "create", one.address, name, str(PARTITIONS)], check=True, timeout=60)
        self.feeder = self.spawn("feeder", "feed", one.address, name, str(rate), str(PARTITIONS))

    def path(self, name):
        return os.path.join(self.folder, f"{self.name}.{name}.log")

    def spawn(self, name, *arguments):
        with open(self.path(name), "ab") as log:
            return subprocess.Popen([PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    # What is done to it.
    def join(self):
        """Starts a process, on the state of one that has gone if there is any: people start again what has died."""
        names = [f"p{i}" for i in range(1, self.count + 1)]
        gone = [name for name in names if name not in self.processes]
        name = gone[0] if gone else f"p{self.count + 1}"
        self.count = max(self.count, int(name[1:]))
        state = os.path.join(self.folder, self.name, name)
        os.makedirs(state, exist_ok=True)
        self.processes[name] = self.spawn(name, "run", self.one.address, self.name, state, self.guarantee, str(self.session_ms))
        return name

    def leave(self, name, seconds=60):
        self.thaw(name)
        process = self.processes.pop(name)
        process.terminate()
        try:
            self.check(f"{name} leaves in order", process.wait(timeout=seconds) == 0, self.tail(name))
        except subprocess.TimeoutExpired:
            self.stacks(process)
            self.check(f"{name} leaves in time", False, self.tail(name))
            process.kill()
            process.wait()

    def kill(self, name):
        self.frozen.pop(name, None)
        process = self.processes.pop(name)
        process.kill()
        process.wait()
        self.fault(name)

    def freeze(self, name, seconds):
        self.processes[name].send_signal(signal.SIGSTOP)
        self.frozen[name] = time.monotonic() + seconds
        self.fault(name)

    def fault(self, name):
        self.crashes += 1
        self.faults.append((name, time.time()))

    def thaw(self, name):
        if self.frozen.pop(name, None) is not None:
            self.processes[name].send_signal(signal.SIGCONT)

    def rest(self, seconds):
        """Waits, and wakes what has been frozen long enough. Notices who has ended by himself."""
        until = time.monotonic() + seconds
        while True:
            now = time.monotonic()
            for name in [name for name, at in self.frozen.items() if at <= now]:
                self.thaw(name)
            for name, process in list(self.processes.items()):
                if process.poll() is not None:
                    del self.processes[name]
                    self.frozen.pop(name, None)
                    self.check(f"{name} goes on", False, f"ended with {process.returncode}: {self.tail(name)}")
            if now >= until:
                return
            time.sleep(min(0.05, until - now))

    def stacks(self, process):
        """Where the threads of a process are that does not end, if there is gdb: in a file beside the logs."""
        try:
            found = subprocess.run(["gdb", "-p", str(process.pid), "-batch", "-ex", "thread apply all bt 14"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60).stdout
        except (FileNotFoundError, subprocess.TimeoutExpired):
            return
        with open(self.path("stacks"), "w") as file:
            file.write(found)

    def tail(self, name, size=2500):
        with open(self.path(name), errors="replace") as log:
            return log.read()[-size:]

    # What it has done.
    def read(self, topic, key="s", value="s"):
        """(offset, key, value) of each partition, committed records only; `q` for numbers."""
        pack = [option for option in ("-s", "key=>q") if key == "q"] + [option for option in ("-s", "value=>q") if value == "q"]
        command = ["kcat", "-b", self.one.address, "-C", "-t", f"{self.name}-{topic}", "-e", "-q", "-o", "beginning", "-X", "isolation.level=read_committed", *pack, "-f", "%p %o %k %s\n"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        records = collections.defaultdict(list)
        for line in done.stdout.splitlines():
            partition, offset, found_key, found_value = line.split(" ", 3)
            records[int(partition)].append((int(offset), found_key, found_value))
        return records

    def sequences(self, topic, key):
        """The numbers put out for each key, in order."""
        found = collections.defaultdict(list)
        for records in self.read(topic, key, "q").values():
            for _, k, v in records:
                found[k].append(int(v))
        return found

    def last(self, topic, key):
        """What a changelog says in the end."""
        return {k: numbers[-1] for k, numbers in self.sequences(topic, key).items()}

    def stored(self, store, decode):
        """The same by the stores' files: of each partition the one that has come furthest in its changelog."""
        rows = {}
        for partition in range(PARTITIONS):
            files = glob.glob(os.path.join(self.folder, self.name, "*", store, f"{partition}.sqlite"))
            found = []
            for path in files:
                with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
                    offset = db.execute("SELECT changelog_offset FROM meta").fetchone()[0]
                    found.append((offset, {decode(k): int.from_bytes(v, "big") for k, v in db.execute("SELECT k, v FROM rows")}))
            if found:
                rows.update(max(found, key=lambda each: each[0])[1])
        return rows

    def pauses(self, topic, key, wanted):
        """Where a key's outputs are furthest apart in time of the event: what is missing shows there."""
        pack = ["-s", "key=>q"] if key == "q" else []
        command = ["kcat", "-b", self.one.address, "-C", "-t", f"{self.name}-{topic}", "-e", "-q", "-o", "beginning", "-X", "isolation.level=read_committed", *pack, "-f", "%T %p %o %k\n"]
        times = [line.split(" ", 3) for line in subprocess.run(command, capture_output=True, text=True, timeout=120).stdout.splitlines()]
        times = [(int(t), f"partition {p} offset {o}") for t, p, o, k in times if k == wanted]
        return sorted(((b[0] - a[0], a[0], b[1]) for a, b in zip(times, times[1:])), reverse=True)[:3]

    def died_while_mending(self, store):
        """The partitions of a changelog with which a process was at work when it was hit: right after it had seen what somebody frozen had written there, and
        before it had mended that. The limit of at least once that the README tells of."""
        found = set()
        for name in {name for name, _ in self.faults if os.path.exists(self.path(name))}:
            for line in self.tail(name, 10**7).splitlines():
                partition = re.search(rf"-{store}-changelog-(\d+)", line)
                if partition and "not of the last commit" in line and any(n == name and -1 < at - float(line.split()[0]) < 4 for n, at in self.faults):
                    found.add(int(partition[1]))
        return found

    def keys_in(self, store, key, partitions):
        return {k for partition, records in self.read(f"{store}-changelog", key, "q").items() if partition in partitions for _, k, _ in records}

    def joined(self):
        """How often each number has been put out."""
        return collections.Counter(int(value.split(":")[1]) for records in self.read("joined").values() for _, _, value in records)

    def finish(self, patience=90):
        """Ends the feeder, waits until all has been processed, stops everybody, and looks at all that there is."""
        for name in list(self.frozen):
            self.thaw(name)
        self.feeder.terminate()
        self.check("the feeder ends in order", self.feeder.wait(timeout=60) == 0, self.tail("feeder"))
        # A producer outside transactions may write twice what a broker has not acknowledged when it was killed.
        events = collections.Counter(number for numbers in self.sequences("events", "s").values() for number in numbers)
        with open(self.path("feeder")) as log:
            self.check("all that was sent is there", len(events) == int(log.read().split("sent ")[-1]), len(events))
        sent = sum(events.values())
        groups, keys = collections.Counter(), collections.Counter()
        for number, times in events.items():
            groups[str(number % GROUPS)] += times
            keys[f"k{number % KEYS}"] += times
        start = time.monotonic()
        while time.monotonic() < start + patience:
            counted, totaled = self.sequences("counted", "q"), self.sequences("totaled", "s")
            if self.guarantee != "exactly_once" and self.died_while_mending("totals") and len(self.joined()) == len(events) and time.monotonic() > start + 20:
                break
            if len(self.joined()) == len(events) and all(max(counted[g], default=0) >= n for g, n in groups.items()) and all(max(totaled[k], default=0) >= n for k, n in keys.items()):
                break
            self.rest(0.5)
        waited = time.monotonic() - start
        for name in list(self.processes):
            self.leave(name)
        joined, counted, totaled = self.joined(), self.sequences("counted", "q"), self.sequences("totaled", "s")
        missing = sorted((events - joined).elements())
        self.check("nothing is missing", not missing, f"of {sent}: {len(missing)} missing {missing[:10]}")
        twice = sum((joined - events).values())
        if self.guarantee == "exactly_once":
            self.check("nothing is there twice", twice == 0, f"{twice}: {list((joined - events).items())[:10]}")
            for what, found, expected in (("counts", counted, groups), ("totals", totaled, keys)):
                wrong = {k: (n, found[k][:3], found[k][-3:], len(found[k])) for k, n in expected.items() if found[k] != list(range(1, n + 1))}
                topic, key = ("counted", "q") if found is counted else ("totaled", "s")
                self.check(f"{what} go up by one", not wrong, f"{len(wrong)} wrong: {list(wrong.items())[:3]}, longest pauses (ms, after, before) {self.pauses(topic, key, next(iter(wrong))) if wrong else ''}")
        else:
            # What is counted again is what a crash has left uncommitted: an interval, and what the next one had begun.
            self.check("little is there twice", twice <= self.crashes * self.rate * 3, f"{twice} after {self.crashes} crashes")
        for store, key, expected, decode in (("counts", "q", groups, lambda k: str(int.from_bytes(k, "big"))), ("totals", "s", keys, lambda k: k.decode())):
            changelog, stored = self.last(f"{store}-changelog", key), self.stored(store, decode)
            wrong = {k: (changelog.get(k), n) for k, n in expected.items() if changelog.get(k, 0) < n or (self.guarantee == "exactly_once" and changelog[k] != n)}
            if wrong and self.guarantee != "exactly_once":
                excused = self.keys_in(store, key, self.died_while_mending(store))
                wrong = {k: found for k, found in wrong.items() if k not in excused}
            self.check(f"the changelog of {store} has all", not wrong, f"{len(wrong)} wrong (found, expected): {list(wrong.items())[:5]}")
            differ = {k: (stored.get(k), changelog.get(k)) for k in expected if stored.get(k) != changelog.get(k)}
            self.check(f"the stores of {store} are as their changelog", not differ, f"{len(differ)} differ (stored, changelog): {list(differ.items())[:5]}")
        windows = sum(self.stored("windows", lambda k: k).values())
        self.check("the windows have all", windows == sent if self.guarantee == "exactly_once" else windows >= sent, f"{windows} of {sent}")
        print(f"{self.name}: {sent} records, {twice} twice, {len(missing)} missing, {self.crashes} crashes, done {waited:.1f} s after the last", flush=True)

    def end(self):
        for process in [self.feeder, *self.processes.values()]:
            process.kill()
            process.wait()
