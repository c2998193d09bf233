#!/usr/bin/env python3
"""./dev kafka as people use it, and the broker that tests start. Last line `N passed, N failed`."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools", "kafka"))
import broker  # noqa: E402

checks = []


def check(what, ok, detail=""):
    checks.append(bool(ok))
    if not ok:
        print(f"FAILED: {what}: {detail}"[:2000], flush=True)


def dev(root, command):
    return subprocess.run([sys.executable, os.path.join(root, "tools", "kafka", "kafka.py"), command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


def checkout(folder):
    """Another checkout, as far as ./dev kafka is concerned: with the jars of this one."""
    shutil.copytree(os.path.join(ROOT, "tools", "kafka"), os.path.join(folder, "tools", "kafka"))
    os.makedirs(os.path.join(folder, "build", "kafka"))
    for name in os.listdir(broker.HOME):
        if name.startswith(("jars-", "formatted-")) and os.path.isdir(os.path.join(broker.HOME, name)):
            os.symlink(os.path.join(broker.HOME, name), os.path.join(folder, "build", "kafka", name))
    return folder


def pid_of(root):
    with open(os.path.join(root, "build", "kafka", "dev", "broker.pid")) as file:
        return json.load(file)["pid"]


def one_checkout(root):
    check("no broker yet", dev(root, "status").returncode == 1)
    check("stop without a broker is fine", dev(root, "stop").returncode == 0)
    started = dev(root, "start")
    lines = started.stdout.splitlines()
    check("start prints the address last", started.returncode == 0 and lines and lines[-1].startswith("127.0.0.1:"), started)
    check("start again prints the same", dev(root, "start").stdout.splitlines()[-1:] == lines[-1:])
    check("status prints the same", dev(root, "status").stdout == lines[-1] + "\n")
    made = subprocess.run(["kcat", "-b", lines[-1], "-L"], capture_output=True, text=True, timeout=60)
    check("a client finds one broker", "1 brokers" in made.stdout, made)
    return lines[-1]


def killed(root, address):
    topics = ["java", *broker.JVM, "-cp", broker.jars(), "org.apache.kafka.tools.TopicCommand", "--bootstrap-server", address]
    subprocess.run([*topics, "--create", "--topic", "kept"], capture_output=True, timeout=60, check=True)
    os.kill(pid_of(root), signal.SIGKILL)
    check("status of a killed broker", dev(root, "status").returncode == 1)
    check("it comes back at the same address", dev(root, "start").stdout.splitlines()[-1:] == [address])
    listed = subprocess.run([*topics, "--list"], capture_output=True, text=True, timeout=60)
    check("and has its data", "kept" in listed.stdout.split(), listed)
    # A pid that is somebody else's by now: nobody is harmed by it.
    bystander = subprocess.Popen(["sleep", "60"])
    pid = pid_of(root)
    note = os.path.join(root, "build", "kafka", "dev", "broker.pid")
    with open(note) as file:
        known = file.read()
    with open(note, "w") as file:
        file.write(known.replace(f'"pid": {pid}', f'"pid": {bystander.pid}'))
    check("a stale pid file is no broker", dev(root, "status").returncode == 1)
    with open(note, "w") as file:
        file.write(known)
    check("a bystander lives", bystander.poll() is None)
    bystander.kill()
    bystander.wait()
    stopped = dev(root, "stop")
    check("stop", stopped.returncode == 0 and dev(root, "status").returncode == 1, stopped)
    check("its data are gone", not os.path.exists(os.path.join(root, "build", "kafka", "dev")))
    check("its process is gone", broker.started_at(pid) is None)


def brokers_of_tests():
    code = ("import sys; sys.path.insert(0, sys.argv[1]); import broker\n"
            "with broker.Broker() as one: print(one.process.pid, one.folder, flush=True); sys.stdin.read()")
    child = subprocess.Popen([sys.executable, "-c", code, os.path.join(ROOT, "tools", "kafka")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pid, folder = child.stdout.readline().split()
    child.kill()
    child.wait()
    until = time.monotonic() + 10
    while broker.started_at(int(pid)) is not None and time.monotonic() < until:
        time.sleep(0.05)
    check("the broker of a test dies with it", broker.started_at(int(pid)) is None)
    shutil.rmtree(folder, ignore_errors=True)


def main():
    broker.formatted()
    folder = tempfile.mkdtemp(prefix="klamm-dev-kafka-")
    one, other = checkout(os.path.join(folder, "one")), checkout(os.path.join(folder, "other"))
    try:
        address = one_checkout(one)
        check("two checkouts have a broker each", dev(other, "start").stdout.splitlines()[-1:] != [address])
        check("stop ends one's own only", dev(other, "stop").returncode == 0 and dev(one, "status").returncode == 0)
        killed(one, address)
        brokers_of_tests()
    finally:
        for root in (one, other):
            dev(root, "stop")
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{sum(checks)} passed, {len(checks) - sum(checks)} failed")
    return 0 if all(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
