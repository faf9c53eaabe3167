"""A credential process that hands out the role's credentials for a few seconds, and notes every time it was asked."""
import json
import os
import sys

import boto3
from botocore.config import Config

seconds, key, secret, role, log = sys.argv[1:]
# moto takes any duration; boto3 alone insists on AWS's least, 900.
unchecked = Config(parameter_validation=False)
sts = boto3.client("sts", aws_access_key_id=key, aws_secret_access_key=secret, config=unchecked)
c = sts.assume_role(RoleArn=role, RoleSessionName="mint", DurationSeconds=int(seconds))["Credentials"]
with open(log, "a") as file:
    file.write(f"{os.getpid()}\n")
print(json.dumps({"Version": 1, "AccessKeyId": c["AccessKeyId"], "SecretAccessKey": c["SecretAccessKey"],
                  "SessionToken": c["SessionToken"], "Expiration": c["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ")}))
