#!/usr/bin/env python3
"""Runs the examples as their readers do. Last line `N passed, N failed`."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

BUILD = os.environ.get("KLAMM_BUILD", "build")
checks = []


def check(what, ok, detail=""):
    checks.append(bool(ok))
    if not ok:
        print(f"FAILED: {what}: {detail}"[:2000], flush=True)


def run(name, *arguments, text=None, timeout=60):
    return subprocess.run([os.path.join(BUILD, "examples", name), *arguments], input=text, capture_output=True, text=True, timeout=timeout)


def orders(folder):
    directory = os.path.join(folder, "shop")
    totals = []
    for _ in range(2):
        done = run("02_orders", "sell", "3000", "--embedded", directory)
        rows = re.findall(r"^user +(\d+) +(\d+\.\d\d)$", done.stdout, re.M)
        check("02_orders prints five customers, the best first", done.returncode == 0 and len(rows) == 5 and rows == sorted(rows, key=lambda row: -float(row[1])), done)
        totals.append(sum(float(amount) for _, amount in rows))
    check("02_orders goes on counting where it stopped", totals[1] > totals[0], totals)
    described = run("02_orders", "describe", "--topics")
    check("02_orders describes its topics", described.returncode == 0 and "orders-by-user" in described.stdout and "shop-revenue-by-user-changelog" in described.stdout, described)
    check("02_orders without a log names the option", run("02_orders").returncode == 2, "")


def embed(folder):
    directory = os.path.join(folder, "quotes")
    ticks = "".join(f"tick {'ACME' if i % 2 else 'BOLT'} {100 + i % 10} {1 + i % 3}\n" for i in range(5000))
    done = run("03_embed", directory, text=ticks + "sync\nvwap ACME\nvwap NONE\nnonsense\n")
    paid = sum((100 + i % 10) * (1 + i % 3) for i in range(1, 5000, 2)) / sum(1 + i % 3 for i in range(1, 5000, 2))
    lines = done.stdout.splitlines()
    check("03_embed answers", done.returncode == 0 and lines[0] == "synced" and abs(float(lines[1].split()[1]) - paid) < 1e-3 and lines[2:] == ["NONE unknown", "? nonsense"], done)
    check("03_embed logs in its own way", "worker 0 is up" in done.stderr and "quotes/" in done.stderr, done.stderr)
    again = run("03_embed", directory, text="sync\nvwap ACME\n")
    check("03_embed goes on where it stopped", again.stdout.splitlines()[1:] == lines[1:2], again)
    waiting = subprocess.Popen([os.path.join(BUILD, "examples", "03_embed"), directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    waiting.stdin.write("sync\n")
    waiting.stdin.flush()
    check("03_embed is up", waiting.stdout.readline() == "synced\n", "")
    waiting.terminate()
    check("03_embed ends in order on SIGTERM", waiting.wait(20) == 0, waiting.stderr.read())
    check("03_embed says what it lacks", run("03_embed").returncode == 2, "")


def main():
    folder = tempfile.mkdtemp(prefix="klamm-examples-")
    try:
        orders(folder)
        embed(folder)
        for name in sorted(os.listdir("examples")):
            if name.endswith(".cpp"):
                with open(os.path.join("examples", name)) as source:
                    length = len(source.readlines())
                check(f"{name} is under 100 lines", length < 100, length)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{sum(checks)} passed, {len(checks) - sum(checks)} failed")
    return 0 if all(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
