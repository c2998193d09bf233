#!/usr/bin/env python3
"""What an application says when the broker denies it something: one message that names the object, and an end instead of tries without end. Last line
`N passed, N failed`."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tools", "kafka"))
import broker  # noqa: E402

PROGRAM = os.path.join(os.environ.get("KLAMM_BUILD", os.path.join(ROOT, "build")), "examples", "01_word_count")
SETTINGS = {"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "allow.everyone.if.no.acl.found": "true"}
checks = []


def check(what, ok, detail=""):
    checks.append(bool(ok))
    if not ok:
        print(f"FAILED: {what}: {detail}"[:3000], flush=True)


# What is denied, and what the message must name.
DENIED = [
    (["--topic", "lines"], "Read", "lines"),
    (["--topic", "app-counts-repartition"], "Write", "app-counts-repartition"),
    (["--topic", "app-counts-changelog"], "Write", "app-counts-changelog"),
    (["--group", "app"], "Read", "app"),
    (["--transactional-id", "app", "--resource-pattern-type", "prefixed"], "Write", "app"),
]


def acl(one, change, resource, operation):
    one.tool("org.apache.kafka.tools.AclCommand", change, "--force", "--deny-principal", "User:ANONYMOUS", "--operation", operation, *resource, check=True)


def main():
    with broker.Broker(SETTINGS) as one, tempfile.TemporaryDirectory(prefix="klamm-rights-") as folder:
        path = os.path.join(folder, "text")
        with open(path, "w") as file:
            file.write("one two three\n" * 100)

        def run(*arguments, timeout=60):
            command = [PROGRAM, "--brokers", one.address, "--app-id", "app", "--state", os.path.join(folder, "state"), *arguments]
            try:
                return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
            except subprocess.TimeoutExpired as slow:
                return subprocess.CompletedProcess(command, "did not end", "", (slow.stderr or b"").decode())

        done = run(path, "--partitions", "1", "--dump")
        check("what nothing is denied counts", done.stdout == "one\t100\nthree\t100\ntwo\t100\n", done.stderr)
        for resource, operation, named in DENIED:
            acl(one, "--add", resource, operation)
            done = run(path, "--dump")
            last = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ""
            print(operation, *resource, "->", last, flush=True)
            said = done.returncode == 1 and named in last and "uthorization" in last
            check(f"{operation} denied on {' '.join(resource)}", said, (done.returncode, done.stderr[-2500:]))
            acl(one, "--remove", resource, operation)
        done = run("--dump")
        check("nothing was lost by it", done.returncode == 0 and "one\t" in done.stdout, done.stderr)
    print(f"{sum(checks)} passed, {len(checks) - sum(checks)} failed")
    return 0 if checks and all(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
