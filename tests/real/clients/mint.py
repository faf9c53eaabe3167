"""A credential process that returns credentials of the role for a few seconds, and logs every call."""
import json
import os
import sys

import boto3
from botocore.config import Config

seconds, key, secret, role, log = sys.argv[1:]
# moto accepts any duration, but boto3 rejects less than 900 s.
unchecked = Config(parameter_validation=False)
sts = boto3.client("sts", aws_access_key_id=key, aws_secret_access_key=secret, config=unchecked)
c = sts.assume_role(RoleArn=role, RoleSessionName="mint", DurationSeconds=int(seconds))["Credentials"]
with open(log, "a") as file:
    file.write(f"{os.getpid()}\n")
print(json.dumps({"Version": 1, "AccessKeyId": c["AccessKeyId"], "SecretAccessKey": c["SecretAccessKey"],
                  "SessionToken": c["SessionToken"], "Expiration": c["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ")}))
