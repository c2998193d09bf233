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
    checked = subprocess.run(["grep", "-c", "", os.path.join("examples", "02_orders.cpp")], capture_output=True, text=True)
    check("02_orders is under 100 lines", int(checked.stdout) < 100, checked.stdout)


def main():
    folder = tempfile.mkdtemp(prefix="klamm-examples-")
    try:
        orders(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{sum(checks)} passed, {len(checks) - sum(checks)} failed")
    return 0 if all(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
