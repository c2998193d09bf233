#!/usr/bin/env python3
"""Records of Kafka's own Java producer, of kcat and of klamm with the same key are in the same partition, and the Java consumer reads ours; Kafka's
group tool shows the lag of an application. Last line
`N passed, N failed`."""
import collections
import os
import random
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tools", "kafka"))
import broker  # noqa: E402

PROGRAM = os.path.join(os.environ.get("KLAMM_BUILD", os.path.join(ROOT, "build")), "tests", "kafka", "kafka_copy")
PARTITIONS = 7
checks = []


def check(what, ok, detail=""):
    checks.append(bool(ok))
    if not ok:
        print(f"FAILED: {what}: {detail}"[:2000], flush=True)


def some_keys():
    chance = random.Random(7)
    return ["a", "21", "foobar", "h\u00e4user", "\u4e2d\u6587"] + ["k" + "".join(chance.choices("abcdefgh0123456789-_", k=size)) for size in range(120)]


def partitions(one, topic):
    """Of each key, where it is."""
    done = subprocess.run(["kcat", "-b", one.address, "-C", "-t", topic, "-e", "-q", "-o", "beginning", "-f", "%p %k\n"], capture_output=True, text=True, timeout=60)
    found = collections.defaultdict(set)
    for line in done.stdout.splitlines():
        partition, key = line.split(" ", 1)
        found[key].add(int(partition))
    return found


def lag(one):
    """What Kafka's own tool says of an application's group, while it runs and when it stands still behind what comes."""
    program = os.path.join(os.path.dirname(PROGRAM), "kafka_pipeline")
    subprocess.run([program, "create", one.address, "shown", "4"], check=True, timeout=60)

    def described():
        done = one.tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--describe", "--group", "shown", text=True)
        rows = [line.split() for line in done.stdout.splitlines() if line.startswith("shown ")]
        return {(row[1], int(row[2])): (row[3], row[5]) for row in rows}, done.stdout + done.stderr

    with tempfile.TemporaryDirectory(prefix="klamm-lag-") as folder:
        feeder = subprocess.Popen([program, "feed", one.address, "shown", "200", "4"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        application = subprocess.Popen([program, "run", one.address, "shown", folder, "exactly_once", "6000"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(5)
        feeder.terminate()
        check("the feeder ends", feeder.wait(timeout=30) == 0)
        until = time.monotonic() + 30
        while True:  # markers take offsets too, and are passed
            found, words = described()
            if len(found) == 12 and all(behind == "0" for _, behind in found.values()) or time.monotonic() > until:
                break
            time.sleep(0.5)
        wanted = [f"shown-{topic}" for topic in ("events", "names", "counts-repartition")]
        check("kafka-consumer-groups shows all inputs, and no lag", sorted(found) == sorted((topic, p) for topic in wanted for p in range(4)) and all(behind == "0" for _, behind in found.values()), words)
        application.terminate()
        check("the application ends", application.wait(timeout=30) == 0)
        feeder = subprocess.Popen([program, "feed", one.address, "shown", "200", "4"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        time.sleep(2)
        feeder.terminate()
        sent = int(feeder.communicate(timeout=30)[0].split()[-1])
        found, words = described()
        behind = sum(int(behind) for (topic, _), (_, behind) in found.items() if topic == "shown-events")
        check("kafka-consumer-groups shows the lag", behind == sent, f"{sent} sent: {words}")


def main():
    keys = some_keys()
    lines = "".join(f"{key}:v\n" for key in keys)
    with broker.Broker() as one:
        subprocess.run([PROGRAM, "create", one.address, str(PARTITIONS), "java", "kcat", "klamm"], check=True, timeout=60)
        java = one.tool("org.apache.kafka.tools.ConsoleProducer", "--topic", "java", "--reader-property", "parse.key=true", "--reader-property", "key.separator=:", input=lines, text=True)
        check("the Java producer", java.returncode == 0, java.stderr)
        kcat = subprocess.run(["kcat", "-b", one.address, "-P", "-t", "kcat", "-K", ":", "-X", "topic.partitioner=murmur2_random"], input=lines, text=True, capture_output=True, timeout=60)
        check("kcat", kcat.returncode == 0, kcat.stderr)
        ours = subprocess.run([PROGRAM, "keys", one.address, str(PARTITIONS), "klamm"], input="".join(key + "\n" for key in keys), text=True, capture_output=True, timeout=60)
        check("klamm", ours.returncode == 0, ours.stderr)
        expected = partitions(one, "java")
        check("all keys are there, each in one partition", sorted(expected) == sorted(keys) and all(len(where) == 1 for where in expected.values()), expected)
        check("several partitions have keys", len(set().union(*expected.values())) == PARTITIONS)
        for topic in ("kcat", "klamm"):
            check(f"{topic}: as the Java producer", partitions(one, topic) == expected)
        read = one.tool("org.apache.kafka.tools.consumer.ConsoleConsumer", "--topic", "klamm", "--from-beginning", "--timeout-ms", "5000", "--isolation-level", "read_committed",
                        "--formatter-property", "print.key=true", "--formatter-property", "key.separator=:", text=True)
        check("the Java consumer reads ours", sorted(read.stdout.splitlines()) == sorted(f"{key}:v" for key in keys), read.stderr[-1000:] + read.stdout[-500:])
        lag(one)
    print(f"{sum(checks)} passed, {len(checks) - sum(checks)} failed")
    return 0 if all(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
