#!/usr/bin/env python3
"""Runs tests: tests/run.py BUILD[:name]...

Each test program of a build directory (meson's `test()`) counts with its doctest cases, or with the `N passed, N failed` it prints last, or as one; so does each script
(tests/scripts.txt: a name and a command). `BUILD:threads` runs only the programs and scripts whose name ends so, `BUILD:!kafka` all but
those: scripts that need a broker end in `kafka`. Prints what failed, and as its last line `N passed, N failed`; ends with 0 only if none failed."""
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(here)
TIMEOUT = 900


def lines_of(path):
    with open(path) as lines:
        return [line.split(None, 1) for line in lines.read().splitlines() if line.strip() and not line.startswith("#")]


def jobs_of(argument):
    build, _, only = argument.partition(":")
    build = os.path.abspath(os.path.join(root, build))
    known = json.loads(subprocess.run(["meson", "introspect", "--tests", build], check=True, capture_output=True).stdout)
    wanted = (lambda name: not name.endswith(only[1:])) if only.startswith("!") else (lambda name: name.endswith(only))
    scripts = [(name, command.split(), build) for name, command in lines_of(os.path.join(here, "scripts.txt")) if wanted(name)]
    yield from (job for job in scripts if job[0].endswith("kafka"))  # the long ones first
    for test in sorted(known, key=lambda test: -test["timeout"]):
        if wanted(test["name"]):
            yield test["name"], test["cmd"], build
    yield from (job for job in scripts if not job[0].endswith("kafka"))


def run(job):
    name, command, build = job
    start = time.time()
    environment = dict(os.environ, KLAMM_BUILD=build, TSAN_OPTIONS="halt_on_error=1", UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")
    try:
        done = subprocess.run(command, cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT, errors="replace")
        output, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as slow:
        output, code = (slow.stdout or b"").decode(errors="replace") + f"\nended after {TIMEOUT} s", 1
    except OSError as missing:
        output, code = f"{command[0]}: {missing}", 1
    cases = re.findall(r"\[doctest\] test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed", output)
    script = re.findall(r"^(\d+) passed, (\d+) failed$", output, re.M)
    found = cases or script[-1:]
    passed, failed = sum(int(p) for p, _ in found), sum(int(f) for _, f in found)
    if not found:
        passed, failed = (1, 0) if code == 0 else (0, 1)
    elif code != 0 and failed == 0:
        failed = 1  # it died after its last word
    return name, os.path.basename(build), passed, failed, time.time() - start, output


def main():
    jobs = [job for argument in sys.argv[1:] for job in jobs_of(argument)]
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for name, build, good, bad, seconds, output in pool.map(run, jobs):
            passed, failed = passed + good, failed + bad
            print(f"{'ok  ' if bad == 0 else 'FAIL'} {build} {name}: {good} passed, {bad} failed, {seconds:.1f} s", flush=True)
            if bad:
                print("\n".join("    " + line for line in output.splitlines()[-200:]), flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
