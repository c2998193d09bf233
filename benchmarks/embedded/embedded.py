#!/usr/bin/env python3
"""Word count of a 100 MB text, as whole processes: examples/01_word_count with the log in memory and in a directory, against the same count by a plain
hash map. Five interleaved runs, medians; a JSON line each. Usage: embedded.py BUILD [MEGABYTES]"""
import bisect
import itertools
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 5


def write_text(path, megabytes):
    """Words as in a natural text: 50,000 of them, zipf-distributed, ten or so to a line. Prints how many words and lines."""
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=2 + rank.bit_length() // 2 + chance.randrange(4))) for rank in range(50_000)]
    weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(len(words))))
    block = []
    for _ in range(200_000):
        block.append(" ".join(words[bisect.bisect(weights, chance.random() * weights[-1])] for _ in range(chance.randrange(4, 16))))
    text = ("\n".join(block) + "\n").encode()
    times = max(1, megabytes * 1_000_000 // len(text))
    with open(path, "wb") as file:
        for _ in range(times):
            file.write(text)
    print(times * len(re.findall(rb"[a-z]+", text)), times * len(block))


def measure(command):
    start = time.time()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output = process.stdout.read()
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command} ended with {process.returncode}: {errors.decode(errors='replace')}")
    return {"seconds": time.time() - start, "cpu": usage.ru_utime + usage.ru_stime, "peak_mb": usage.ru_maxrss / 1024}, output


def main():
    if sys.argv[1] == "--write":  # in a process of its own: a child's peak memory counts what its parent had when it was forked
        return write_text(sys.argv[2], int(sys.argv[3]))
    build = os.path.abspath(sys.argv[1])
    megabytes = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    count, plain = os.path.join(build, "examples", "01_word_count"), os.path.join(build, "benchmarks", "plain_count")
    with tempfile.TemporaryDirectory() as folder:
        text = os.path.join(folder, "text")
        written = subprocess.run([sys.executable, __file__, "--write", text, str(megabytes)], check=True, capture_output=True, text=True).stdout
        words, lines = map(int, written.split())
        results = {"hash map": [], "in memory": [], "directory": []}
        for run in range(RUNS):
            answers = []
            for name, command in [("hash map", [plain, text]), ("in memory", [count, text]), ("directory", [count, text, "--state", os.path.join(folder, f"state{run}")])]:
                figures, answer = measure(command)
                results[name].append(figures)
                answers.append(answer)
            if len(set(answers)) != 1:
                sys.exit("the counts differ")
        base = statistics.median(r["cpu"] for r in results["hash map"])
        for name, runs in results.items():
            median = {key: statistics.median(r[key] for r in runs) for key in runs[0]}
            print(json.dumps({"name": "embedded", "payload": f"text {megabytes} MB, {words} words in {lines} lines", "operators": name, "words_per_second": round(words / median["seconds"]),
                              "cpu_ns_per_word": round(median["cpu"] * 1e9 / words, 1), "peak_mb": round(median["peak_mb"]), "ratio": round(median["cpu"] / base, 2)}), flush=True)


main()
