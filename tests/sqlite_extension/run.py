#!/usr/bin/env python3
"""The extension for SQLite's shell, with the real shell, on a store that an application is writing. Last line `N passed, N failed`."""
import json
import os
import subprocess
import sys
import tempfile

BUILD = os.environ.get("KLAMM_BUILD", "build")
PROGRAM = os.path.join(BUILD, "tests", "sqlite_extension", "orders_program")
EXTENSION = os.path.join(BUILD, "lib", "sqlite_extension", "klamm_sqlite")
checks = []


def check(what, found, expected):
    checks.append(found == expected)
    if found != expected:
        print(f"FAILED: {what}: found {found!r}, expected {expected!r}", flush=True)


def ask(path, *sql):
    done = subprocess.run(["sqlite3", "-readonly", path, f".load {EXTENSION}", *sql], capture_output=True, text=True, timeout=60)
    return (done.stdout + done.stderr).splitlines()


def shown(bytes_as_hex, schema):
    return ask(":memory:", f"SELECT klamm_json(x'{bytes_as_hex}', '{schema}')")


def check_store(path, when):
    rows = [[json.loads(cell) for cell in line.split("|")] for line in ask(path, "SELECT klamm_key(k), klamm_value(v) FROM rows ORDER BY k")]
    check(f"rows {when}", rows, [
        [{"shop": 7, "user": "ann"}, {"sum": 11.5, "note": 'a "large" one', "amounts": [3, 20], "level": 1, "odd": [False, [20, 7]]}],
        [{"shop": 8, "user": "bob"}, {"sum": -0.5, "note": None, "amounts": [-1], "level": 0, "odd": [True, [65535, 7]]}],
    ])
    check(f"SQLite's functions of JSON {when}", ask(path, "SELECT sum(klamm_value(v) ->> '$.sum') FROM rows"), ["11.0"])
    check(f"the view, without the extension {when}", len(ask(path, 'SELECT key FROM "totals"')), 2)


def check_bytes():
    for digits, schema, expected in [
        ("80", "int8", "-128"), ("ffffffffffffffff", "uint64", "18446744073709551615"), ("ffffffffffffffff", "timestamp", "-1"),
        ("3fc00000", "float", "1.5"), ("7ff0000000000000", "double", '"7ff0000000000000"'), ("01", "bool", "true"), ("02", "bool", '"02"'),
        ("610a22", "string", '"a\\u000a\\""'), ("0a", "bytes", '"0a"'), ("0a0161", "protobuf:shop.Order", '"0a0161"'),
        ("05", "optional<int8>", "5"), ("0105", "struct{a:optional<int8>}", '{"a":5}'), ("00", "struct{a:optional<int8>}", '{"a":null}'),
        ("016100", "list<string>", '["a",""]'), ("0203ff0261620100", "struct{u:Money<a,b>,t:string,l:list<bool>}", '{"u":"03ff","t":"ab","l":[false]}'),
        ("0102", "list<array<int8,0>>", '"0102"'), ("01", "list<", '"01"'), ("8001" + "78" * 128, "struct{s:string}", '{"s":"' + "x" * 128 + '"}'),
    ]:
        check(f"{digits[:20]} as {schema}", shown(digits, schema), [expected])
    # Whatever is cut off or flipped is hex digits or some value, and never more.
    whole = "0000000161026162" + "01" + "3ff8000000000000"
    schema = "struct{n:int32,s:string,l:list<string>,o:optional<double>}"
    damaged = [whole[:2 * i] for i in range(len(whole) // 2)] + [f"{int(whole, 16) ^ 1 << bit:0{len(whole)}x}" for bit in range(4 * len(whole))]
    lines = ask(":memory:", *[f"SELECT klamm_json(x'{each}', '{schema}')" for each in damaged])
    check("damaged bytes", (len(lines), all(json.loads(line) is not None for line in lines)), (len(damaged), True))
    check("deep types", shown("00", "list<" * 5000 + "int8" + ">" * 5000), ['"00"'])
    check("null", ask(":memory:", "SELECT klamm_json(NULL, 'int8') IS NULL"), ["1"])
    check("another database", "is not the file of a store" in " ".join(ask(":memory:", "SELECT klamm_key(x'00')")), True)


def main():
    check_bytes()
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen([PROGRAM, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        check("the program runs", process.stdout.readline().strip(), "ready")
        store = os.path.join(folder, "stores", "totals", "0.sqlite")
        check_store(store, "while it runs")
        process.communicate("", timeout=60)
        check("it stops in order", process.returncode, 0)
        check_store(store, "after it")
    failed = checks.count(False)
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
