#!/usr/bin/env python3
"""Runs 01_word_count as its users do, and compares it with a count of our own. Last line `N passed, N failed`."""
import collections
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("KLAMM_BUILD", "build")
PROGRAM = os.path.join(BUILD, "examples", "01_word_count")
WORD = re.compile(rb"[A-Za-z0-9'\x80-\xff]+")
checks = []


def check(what, ok, detail=""):
    checks.append(bool(ok))
    if not ok:
        print(f"FAILED: {what}: {detail}"[:2000], flush=True)


def counted(text):
    counts = collections.Counter()
    for word in WORD.findall(text):
        counts[bytes(c + 32 if 65 <= c <= 90 else c for c in word)] += 1
    return counts


def dumped(counts):
    return b"".join(word + b"\t%d\n" % n for word, n in sorted(counts.items()))


def run(*arguments, timeout=120):
    return subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)


def write(path, text):
    with open(path, "wb") as file:
        file.write(text)


def some_text(seed, lines):
    chance = random.Random(seed)
    words = [b"the", b"The", b"don't", "h\u00e4user".encode(), b"x", b"--", b"a,b;c", b"\xff\xfe", b"'", b"longer-" * 40] + [b"w%d" % i for i in range(500)]
    return b"".join(b" ".join(chance.choices(words, k=chance.randrange(12))) + b"\n" for _ in range(lines))


def plain_runs(folder):
    text = os.path.join(folder, "text")
    for content in [b"", b"\n", b"one", b"one\n\n two  One'", b"\r\na\tb\0c\n", some_text(1, 3000)]:
        write(text, content)
        for options in [[], ["--partitions", "1", "--threads", "1"], ["--partitions", "7", "--threads", "3"], ["--state", os.path.join(folder, f"s{len(checks)}")]]:
            done = run(text, "--dump", *options)
            check(f"dump of {content[:20]!r} {options}", done.returncode == 0 and done.stdout == dumped(counted(content)), done.stderr[-500:])
    done = run(text)
    top = sorted(counted(some_text(1, 3000)).items(), key=lambda item: (-item[1], item[0]))[:10]
    check("top ten", [tuple(line.split()) for line in done.stdout.splitlines()] == [(b"%d" % n, word) for word, n in top], done.stdout)


def resumed_runs(folder):
    text, state = os.path.join(folder, "growing"), os.path.join(folder, "growing-state")
    content = some_text(2, 500) + b"last line without end"
    write(text, content)
    check("first run", run(text, "--state", state, "--partitions", "3").returncode == 0)
    expected = counted(content)
    check("a file that has not grown changes nothing", run(text, "--state", state, "--dump").stdout == dumped(expected))
    with open(text, "ab") as file:
        file.write(b"more words\nlast")
    expected += counted(b"more words\nlast")  # what is appended starts a new line
    check("what was appended is counted", run(text, "--state", state, "--dump").stdout == dumped(expected))
    check("dump without a file", run("--state", state, "--dump").stdout == dumped(expected))
    os.symlink(text, text + "-link")
    check("another name of the same file", run(text + "-link", "--state", state, "--dump").stdout == dumped(expected))
    other = os.path.join(folder, "other")
    write(other, b"from another file\n")
    expected += counted(b"from another file")
    check("a second file has its own position", run(other, "--state", state, "--dump").stdout == dumped(expected))
    check("the directory's partition count holds", run(other, "--state", state, "--partitions", "3").returncode == 0)
    done = run(other, "--state", state, "--partitions", "4")
    check("another partition count", done.returncode == 1 and b"3" in done.stderr and b"4" in done.stderr, done.stderr)
    write(text, b"short")
    done = run(text, "--state", state)
    check("a file that was cut short", done.returncode == 1 and b"growing" in done.stderr, done.stderr)
    shutil.rmtree(os.path.join(state, "stores"))
    check("stores deleted, the log stays", run("--state", state, "--dump").stdout == dumped(expected))
    for store in os.listdir(os.path.join(state, "stores", "counts")):
        if store.endswith(".sqlite"):
            write(os.path.join(state, "stores", "counts", store), b"no database at all")
    done = run("--state", state, "--dump")
    check("damaged stores are built anew, and it says so", done.stdout == dumped(expected) and b"counts" in done.stderr, done.stderr)


def wrong_input(folder):
    text, state = os.path.join(folder, "text"), os.path.join(folder, "wrong-state")
    write(text, b"a b\n")
    for arguments, status, word in [
        (["/no/such/file"], 1, b"/no/such/file"),
        ([folder], 1, b"regular file"),
        ([text, "--unknown"], 2, b"--unknown"),
        ([text, "--partitions", "0"], 2, b"--partitions"),
        ([text, "--partitions", "x"], 2, b"--partitions"),
        ([text, "--threads"], 2, b"--threads"),
        ([text, text], 2, b"usage"),
        ([], 2, b"usage"),
        (["--dump"], 2, b"usage"),
        (["--state", state], 2, b"usage"),
        ([text, "--state", text], 1, b"text"),
        ([text, "--state", "/proc/klamm"], 1, b"/proc/klamm"),
    ]:
        done = run(*arguments)
        check(f"{arguments} ends with {status}", done.returncode == status and word in done.stderr and done.stdout == b"", (done.returncode, done.stderr[-400:]))
    if os.geteuid() != 0:
        os.chmod(text, 0)
        check("unreadable file", run(text).returncode == 1)


def locked_directory(folder):
    text, state = os.path.join(folder, "big"), os.path.join(folder, "locked-state")
    write(text, some_text(3, 200_000))
    first = subprocess.Popen([PROGRAM, text, "--state", state], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not os.path.exists(os.path.join(state, "stores")) and first.poll() is None:
        time.sleep(0.002)
    second = run("--state", state, "--dump")
    running = first.poll() is None
    first.send_signal(signal.SIGTERM)
    first.communicate()
    check("a directory in use names its holder", not running or (second.returncode == 1 and str(first.pid).encode() in second.stderr), second.stderr)
    check("the first run was under way", running)
    check("SIGTERM stops in order", first.returncode == 0, first.returncode)
    check("and a later run goes on", run(text, "--state", state, "--dump").stdout == dumped(counted(some_text(3, 200_000))))


def killed(folder):
    chance = random.Random(4)
    content = some_text(5, 120_000)
    text = os.path.join(folder, "killed")
    write(text, content)
    killed_in_all = 0
    for round_ in range(4):
        state = os.path.join(folder, f"killed-state{round_}")
        kills = 0
        for _ in range(12):
            process = subprocess.Popen([PROGRAM, text, "--state", state, "--threads", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0.005, 0.15))
            process.send_signal(signal.SIGKILL if chance.random() < 0.8 else signal.SIGINT)
            kills += process.wait() != 0
            if chance.random() < 0.3:
                shutil.rmtree(os.path.join(state, "stores"), ignore_errors=True)
        done = run(text, "--state", state, "--dump")
        check(f"round {round_}: killed {kills} times, it counts right", done.returncode == 0 and done.stdout == dumped(counted(content)), done.stderr[-500:])
        killed_in_all += kills
    check("kills hit runs that were under way", killed_in_all >= 8, killed_in_all)


def full_disk(folder):
    text, mount = os.path.join(folder, "filling"), os.path.join(folder, "mount")
    content = some_text(6, 100_000)
    write(text, content)
    os.mkdir(mount)
    # A small file system of its own, gone with the shell; what was kept on it is copied out first.
    script = f'mount -t tmpfs -o size=3m tmpfs "{mount}" && "$0" "$1" --state "{mount}/state"; echo "status $?" >&2; cp -r "{mount}/state" "{folder}/filled"'
    shell = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    done = subprocess.run([*shell, "sh", "-c", script, PROGRAM, text], capture_output=True, timeout=120)
    check("a full disk ends with 1 and says so", b"status 1" in done.stderr and b"full" in done.stderr, done.stderr[-1000:])
    after = run(text, "--state", os.path.join(folder, "filled"), "--dump")
    check("and with room again nothing is lost or doubled", after.returncode == 0 and after.stdout == dumped(counted(content)), after.stderr[-1000:])


def main():
    with tempfile.TemporaryDirectory() as folder:
        for part in [plain_runs, resumed_runs, wrong_input, locked_directory, killed, full_disk]:
            own = os.path.join(folder, part.__name__)
            os.mkdir(own)
            part(own)
    print(f"{sum(checks)} passed, {len(checks) - sum(checks)} failed")
    return 0 if all(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
