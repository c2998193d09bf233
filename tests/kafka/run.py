#!/usr/bin/env python3
"""Runs what is tested against a real broker, which it starts and ends. Last line `N passed, N failed`.

    run.py [doctest options]        with KLAMM_BUILD, the build directory, and KLAMM_BROKERS, if a broker of one's own is to be used"""
import os
import re
import shlex
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tools", "kafka"))
import broker  # noqa: E402

BUILD = os.environ.get("KLAMM_BUILD", os.path.join(ROOT, "build"))
SETTINGS = {"group.min.session.timeout.ms": 500, "transaction.abort.timed.out.transaction.cleanup.interval.ms": 500}


def obey(one, folder, test):
    """Does to the broker what the test asks for by files: `kill`, `start`; answers by `done`."""
    while test.poll() is None:
        for command in ("kill", "start"):
            path = os.path.join(folder, command)
            if os.path.exists(path):
                os.unlink(path)
                getattr(one, command)()
                with open(os.path.join(folder, "done"), "w"):
                    pass
        time.sleep(0.02)


def run(one, arguments):
    tool = ["java", *broker.JVM, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", broker.jars(), "org.apache.kafka.tools.TopicCommand", "--bootstrap-server", one.address]
    with tempfile.TemporaryDirectory(prefix="klamm-kafka-") as folder:
        environment = dict(os.environ, KLAMM_BROKERS=one.address, KLAMM_TOPICS=shlex.join(tool), KLAMM_BROKER_CONTROL=folder)
        test = subprocess.Popen([os.path.join(BUILD, "tests", "kafka", "kafka_test"), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environment)
        output = []

        def read():  # as it comes: a test that hangs is to be seen
            for line in test.stdout:
                output.append(line)
                print(line, end="", flush=True)

        reading = threading.Thread(target=read)
        reading.start()
        obey(one, folder, test)
        reading.join()
    found = re.findall(r"\[doctest\] test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed", "".join(output))
    passed, failed = (int(found[-1][0]), int(found[-1][1])) if found else (0, 0)
    return passed, failed + (1 if test.returncode != 0 and failed == 0 else 0)


def main():
    with broker.Broker(SETTINGS) as one:
        passed, failed = run(one, sys.argv[1:])
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
