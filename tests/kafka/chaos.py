#!/usr/bin/env python3
"""Applications whose processes join, leave, are killed and frozen, and whose broker is killed, on a real broker: what they put out, their changelogs and their
stores are right in the end. Last line `N passed, N failed`.

    chaos.py [--seed N] [--events N] [--only chaos|restart] [--guarantee exactly_once|at_least_once] [--keep DIR]
    chaos.py --soak MINUTES [--seed N]     the same again and again, a line for each minute; ends at the first failure"""
import argparse
import os
import random
import shutil
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tools", "kafka"))
import broker  # noqa: E402
from application import Application  # noqa: E402

SETTINGS = {"group.min.session.timeout.ms": 500, "transaction.abort.timed.out.transaction.cleanup.interval.ms": 500}
GUARANTEES = ("exactly_once", "at_least_once")
SESSION_MS = 6_000
RATE = 400
checks = []


def check(what, ok, detail=""):
    checks.append(bool(ok))
    if not ok:
        print(f"FAILED: {what}: {detail}"[:4000], flush=True)


def script(seed, events):
    """What happens, made before it does, so that a seed says all of it. The choices of processes are numbers to be taken modulo."""
    chance = random.Random(seed)
    running, lines = 0, []
    for _ in range(events):
        if running < 2:
            event = "join"
        elif running > 3:
            event = chance.choice(["kill", "leave"])
        else:
            event = chance.choice(["kill", "kill", "leave", "join", "freeze", "freeze"])
        running += {"join": 1, "kill": -1, "leave": -1, "freeze": 0}[event]
        lines.append((event, chance.randrange(1_000), chance.choice([1.0, 8.0]), chance.uniform(0.1, 2.5)))
    return lines


def chaos(application, seed, events, stop=lambda: False):
    for event, which, frozen_for, rest in script(seed, events):
        if stop():
            return
        names = sorted(name for name in application.processes if name not in application.frozen)
        if event == "join":
            application.join()
        elif names:
            name = names[which % len(names)]
            application.freeze(name, frozen_for) if event == "freeze" else getattr(application, event)(name)
        application.rest(rest)


def live(one, folder, name, options, session_ms, what):
    """Applications of both guarantees at the same time, each with `what` done to it, on threads of their own."""

    def life(guarantee):
        application = None
        try:
            application = Application(one, folder, f"{name}-{guarantee.split('_')[0]}", guarantee, session_ms, RATE, check)
            what(application)
            application.finish()
        except Exception as e:  # of this thread: to be seen in the sum
            check(f"{name}, {guarantee}: the test itself", False, f"{type(e).__name__}: {e}")
        finally:
            if application is not None:
                application.end()

    threads = [threading.Thread(target=life, args=(guarantee,)) for guarantee in GUARANTEES if options.guarantee in (None, guarantee)]
    for thread in threads:
        thread.start()
    return threads


def two_members(application):
    application.join()
    application.join()
    application.rest(20)
    application.fault("the broker")


def once(one, folder, options, seed):
    if options.only != "restart":
        print(f"seed {seed}", flush=True)
        for thread in live(one, folder, f"chaos{seed}", options, SESSION_MS, lambda application: chaos(application, seed, options.events)):
            thread.join()
    if options.only != "chaos":  # kill -9 of the broker and a new start, under load; sessions and transactions outlive that
        threads = live(one, folder, f"restart{seed}", options, 45_000, two_members)
        time.sleep(8)
        one.kill()
        time.sleep(2)
        one.start()
        for thread in threads:
            thread.join()


def soak(one, folder, options):
    end = time.monotonic() + options.soak * 60
    told = [0, time.monotonic()]

    def minutes():
        while not stopped.wait(60):
            print(f"minute {int((time.monotonic() - told[1]) / 60)}: round {told[0]}, {sum(checks)} checks passed, {len(checks) - sum(checks)} failed", flush=True)

    stopped = threading.Event()
    clock = threading.Thread(target=minutes)
    clock.start()
    try:
        while time.monotonic() < end and all(checks):
            once(one, folder, options, options.seed + told[0])
            told[0] += 1
    finally:
        stopped.set()
        clock.join()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100000)
    parser.add_argument("--events", type=int, default=32)
    parser.add_argument("--only", choices=["chaos", "restart"])
    parser.add_argument("--guarantee", choices=GUARANTEES)
    parser.add_argument("--keep", help="where to leave the logs of the processes when something has failed")
    parser.add_argument("--soak", type=float, metavar="MINUTES")
    options = parser.parse_args()
    with broker.Broker(SETTINGS) as one, tempfile.TemporaryDirectory(prefix="klamm-chaos-") as folder:
        soak(one, folder, options) if options.soak else once(one, folder, options, options.seed)
        if not all(checks) and options.keep:
            shutil.copytree(folder, options.keep, dirs_exist_ok=True)
            shutil.copy(one.log, options.keep)
    print(f"{sum(checks)} passed, {len(checks) - sum(checks)} failed")
    return 0 if checks and all(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
