#!/usr/bin/env python3
"""The command line of an application made by klamm::main. Last line `N passed, N failed`."""
import os
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.join(os.environ.get("KLAMM_BUILD", "build"), "tests", "app", "main_program")
checks = []


def check(what, ok, detail=""):
    checks.append(bool(ok))
    if not ok:
        print(f"FAILED: {what}: {detail}", flush=True)


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def started(folder, *arguments):
    """Runs it in the background until its stores' directory or log is there."""
    process = subprocess.Popen([PROGRAM, *arguments, "--embedded", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not os.path.isdir(folder) or not os.listdir(folder):
        if process.poll() is not None:
            break
        time.sleep(0.01)
    time.sleep(0.3)
    return process


def main():
    for form, word in [("--text", "sub-topology"), ("--dot", "digraph"), ("--mermaid", "flowchart"), ("--topics", "main-program-counts-repartition")]:
        done = run("describe", form)
        check(f"describe {form}", done.returncode == 0 and word in done.stdout and done.stderr == "", done)
    check("describe names topics after the application id", "other-counts-changelog" in run("describe", "--topics", "--application-id", "other").stdout)
    check("describe alone is text", run("describe").stdout == run("describe", "--text").stdout)
    done = run()
    check("no log named", done.returncode == 2 and "--embedded" in done.stderr and "--brokers" in done.stderr, done)
    for arguments, word in [(["--nonsense"], "--nonsense"), (["frobnicate"], "frobnicate"), (["run", "--embedded"], "needs a value"), (["run", "--embedded", "x", "--threads", "0"], "--threads"),
                            (["run", "extra", "--embedded", "x"], "extra"), (["--embedded", "x", "--dry-run"], "--dry-run"), (["run", "--embedded", "x", "--dot"], "--dot"),
                            (["describe", "--threads", "3"], "--threads"), (["-x"], "-x"), (["--brokers", "h:1", "--embedded", "x"], "name one log"), (["--embedded", "x", "--instance", "i"], "--brokers"),
                            (["--brokers", "h:1", "--client", "nothing"], "NAME=VALUE"), (["reset", "--brokers", "h:1", "--at-least-once"], "--at-least-once")]:
        done = run(*arguments)
        check(f"{arguments} is wrong usage", done.returncode == 2 and word in done.stderr and done.stdout == "", done)
    check("--help", run("--help").returncode == 0)
    with tempfile.TemporaryDirectory() as parent:
        folder = os.path.join(parent, "state")
        process = started(folder, "run", "--partitions", "3")
        second = run("--embedded", folder)
        check("a second process names the holder", second.returncode == 1 and str(process.pid) in second.stderr, second)
        refused = run("reset", "--embedded", folder)
        check("reset is refused while it runs", refused.returncode == 1 and str(process.pid) in refused.stderr, refused)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        check("SIGTERM stops it in order", process.returncode == 0, errors)
        check("the topics it makes are told", "main-program-counts-changelog" in errors, errors)
        process = started(folder)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        check("SIGINT stops it in order", process.returncode == 0)
        other = run("--embedded", folder, "--application-id", "somebody-else")
        check("another application's directory names both", other.returncode == 1 and "main-program" in other.stderr and "somebody-else" in other.stderr, other)
        count = run("--embedded", folder, "--partitions", "4")
        check("another partition count names both", count.returncode == 1 and "3" in count.stderr and "4" in count.stderr, count)
        dry = run("reset", "--embedded", folder, "--dry-run")
        check("a dry run lists and keeps", dry.returncode == 0 and "would delete topic main-program-counts-changelog" in dry.stdout, dry)
        check("the dry run kept it", run("reset", "--embedded", folder, "--dry-run").stdout == dry.stdout)
        real = run("reset", "--embedded", folder)
        check("reset deletes what the dry run said", real.returncode == 0 and real.stdout == dry.stdout.replace("would delete", "deleting"), real)
        again = run("reset", "--embedded", folder)
        check("a second reset finds nothing internal", again.returncode == 0 and "topic" not in again.stdout, again)
        process = started(folder)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        check("it starts again after a reset", process.returncode == 0)
        missing = run("reset", "--embedded", os.path.join(parent, "missing"))
        check("reset of nothing", missing.returncode == 1 and "missing" in missing.stderr and not os.path.exists(os.path.join(parent, "missing")), missing)
    print(f"{sum(checks)} passed, {len(checks) - sum(checks)} failed")
    return 0 if all(checks) else 1


sys.exit(main())
