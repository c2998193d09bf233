#!/usr/bin/env python3
"""./dev kafka start|stop|status: one broker for this checkout, on loopback.

start   starts it unless it runs already (on its old data, if it was killed) and prints HOST:PORT
status  prints HOST:PORT, or ends with 1 if there is none that answers
stop    ends it and deletes its data"""
import fcntl
import json
import os
import shutil
import signal
import sys
import time

import broker

FOLDER = os.path.join(broker.HOME, "dev")
NOTE = os.path.join(FOLDER, "broker.pid")  # its pid, when that process was started, its ports


def note():
    try:
        with open(NOTE) as file:
            known = json.load(file)
        return {"pid": int(known["pid"]), "started": int(known["started"]), "ports": [int(port) for port in known["ports"]]}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def runs(known):
    return known is not None and broker.started_at(known["pid"]) == known["started"]


def address(known):
    return f"127.0.0.1:{known['ports'][0]}"


def start():
    known = note()
    one = broker.Broker(folder=FOLDER, dies_with_parent=False)
    if runs(known):
        one.ports = known["ports"]
        until = time.monotonic() + 60
        while runs(known) and time.monotonic() < until:
            if broker.answers(known["ports"][0]):
                return known
            time.sleep(0.1)
        if runs(known):
            raise broker.Failed(f"the broker (pid {known['pid']}) runs but does not answer: ./dev kafka stop ends it\n{one.tail()}")
    if known is not None and all(broker.is_free(port) for port in known["ports"]):
        one.ports = known["ports"]  # whoever was connected finds it again
    print(f"starting Apache Kafka in {FOLDER}", file=sys.stderr)
    os.makedirs(FOLDER, exist_ok=True)
    one.launch()
    known = {"pid": one.process.pid, "started": broker.started_at(one.process.pid), "ports": one.ports}
    with open(NOTE + ".part", "w") as file:
        json.dump(known, file)
    os.rename(NOTE + ".part", NOTE)
    one.wait(60)
    return known


def stop():
    known = note()
    if runs(known):
        os.kill(known["pid"], signal.SIGTERM)
        until = time.monotonic() + 10
        while runs(known):
            if time.monotonic() > until:
                os.kill(known["pid"], signal.SIGKILL)
            time.sleep(0.05)
    shutil.rmtree(FOLDER, ignore_errors=True)


def main():
    command = sys.argv[1] if len(sys.argv) == 2 else ""
    if command not in ("start", "stop", "status"):
        print("usage: ./dev kafka start|stop|status", file=sys.stderr)
        return 2
    os.makedirs(broker.HOME, exist_ok=True)
    with open(os.path.join(broker.HOME, "dev.lock"), "w") as lock:
        if command == "status":  # answers also while somebody starts it
            known = note()
            if not runs(known) or not broker.answers(known["ports"][0]):
                return 1
            print(address(known))
            return 0
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            if command == "stop":
                stop()
            else:
                print(address(start()), flush=True)
        except broker.Failed as failed:
            print(f"dev kafka: {failed}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
