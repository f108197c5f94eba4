"""What the programs of the Python libraries have in common: <program> <bootstrap servers> <operation>, the task as JSON on standard
input, the answer as the last line of standard output. The operations are those of ../../library.ts."""

import base64
import json
import sys


def bytes_of(text):
    return None if text is None else base64.b64decode(text)


def base64_of(raw):
    return None if raw is None else base64.b64encode(raw).decode()


def record(key, value, headers, timestamp):
    return {
        "key": base64_of(key),
        "value": base64_of(value),
        "headers": [[name, base64_of(each)] for name, each in headers or []],
        "timestamp": timestamp,
    }


def answer(operations):
    servers, name = sys.argv[1:3]
    found = operations[name](servers, json.load(sys.stdin))
    print("\n" + json.dumps(found), flush=True)
