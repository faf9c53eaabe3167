"""Creates a user, a role that trusts every principal and has every permission, and a bucket on the moto server in the
argument, and turns on IAM checks. Prints the access key ID, the secret and the role ARN."""
import json
import sys
import urllib.request

import boto3

url = sys.argv[1]
setup = {"endpoint_url": url, "region_name": "us-east-1", "aws_access_key_id": "setup", "aws_secret_access_key": "setup"}
allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]}
iam = boto3.client("iam", **setup)
iam.create_user(UserName="ann")
iam.put_user_policy(UserName="ann", PolicyName="all", PolicyDocument=json.dumps(allow))
key = iam.create_access_key(UserName="ann")["AccessKey"]
role = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
iam.put_role_policy(RoleName="deploy", PolicyName="all", PolicyDocument=json.dumps(allow))
boto3.client("s3", **setup).create_bucket(Bucket="state")
checks = urllib.request.Request(url + "/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"}, method="POST")
urllib.request.urlopen(checks)
print(key["AccessKeyId"], key["SecretAccessKey"], role)
