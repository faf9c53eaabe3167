"""Prints the caller's ARN once a second, in one process, for the number of seconds in the argument."""
import sys
import time

import boto3

client = boto3.client("sts")
end = time.time() + float(sys.argv[1])
while True:
    print(client.get_caller_identity()["Arn"], flush=True)
    if time.time() >= end:
        break
    time.sleep(1)
