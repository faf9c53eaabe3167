"""Real clients against moto: each must end up as the role, through an expiry in mid-run where it stays up that long.

Usage: clients.py AWSFRESH SUITE_DIR; run by tests/real/run.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

AWSFRESH, SUITE = sys.argv[1], pathlib.Path(sys.argv[2])
BIN = SUITE / "venv" / "bin"
passed = failed = skipped = 0


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Moto:
    """moto's server, with a user, a role that trusts it, and IAM checks on."""

    def __init__(self):
        self.url = f"http://127.0.0.1:{free_port()}"
        self.process = subprocess.Popen(
            [BIN / "moto_server", "-p", self.url.rsplit(":", 1)[1]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(200):
            try:
                urllib.request.urlopen(self.url + "/moto-api/", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        import boto3

        self.iam = boto3.client(
            "iam", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="setup", aws_secret_access_key="setup"
        )
        self.iam.create_user(UserName="ann")
        allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        self.iam.put_user_policy(UserName="ann", PolicyName="all", PolicyDocument=json.dumps(allow))
        self.key = self.iam.create_access_key(UserName="ann")["AccessKey"]
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]}
        self.role = self.iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        self.iam.put_role_policy(RoleName="deploy", PolicyName="all", PolicyDocument=json.dumps(allow))
        request = urllib.request.Request(
            self.url + "/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"}, method="POST"
        )
        urllib.request.urlopen(request)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def surroundings(home, moto):
    aws = home / ".aws"
    aws.mkdir()
    (aws / "credentials").write_text(
        f"[base]\naws_access_key_id = {moto.key['AccessKeyId']}\naws_secret_access_key = {moto.key['SecretAccessKey']}\n"
    )
    (aws / "config").write_text(
        f"[profile deploy-source]\nrole_arn = {moto.role}\nsource_profile = base\nregion = us-east-1\n"
        f"[profile deploy]\nregion = us-east-1\ncredential_process = {AWSFRESH} credential-process --profile deploy-source\n"
    )
    key = home / "key"
    key.write_text("0123456789abcdef" * 4)
    key.chmod(0o600)
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "AWS_PROFILE": "deploy",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": moto.url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWSFRESH_STORE": "sealed",
        "AWSFRESH_KEY_FILE": str(key),
        # moto is slow under load, and this suite is not about the deadline.
        "AWSFRESH_TIMEOUT": "20",
    }


def case(name, available, run):
    global passed, failed, skipped
    if not available:
        if os.environ.get("CI"):
            failed += 1
            print(f"FAILED  {name}: the client is not installed")
        else:
            skipped += 1
            print(f"skipped {name}: the client is not installed")
        return
    with tempfile.TemporaryDirectory() as home:
        try:
            run(pathlib.Path(home))
            passed += 1
            print(f"ok      {name}")
        except Exception as error:  # every failure is told, and counted
            failed += 1
            print(f"FAILED  {name}: {error}")


def identity(command):
    def run(home):
        env = surroundings(home, moto)
        done = subprocess.run(command, env=env, cwd=home, capture_output=True, text=True, timeout=120)
        if done.returncode != 0 or "assumed-role/deploy/awsfresh-" not in done.stdout:
            raise RuntimeError(f"exit {done.returncode}\n{done.stdout}{done.stderr}")

    return run


BOTO3 = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn']); print(boto3.client('s3').list_buckets()['Buckets'])"

JS = """
const {STSClient, GetCallerIdentityCommand} = require("@aws-sdk/client-sts");
new STSClient({region: "us-east-1"}).send(new GetCallerIdentityCommand({})).then(a => console.log(a.Arn), e => {console.error(e); process.exit(1)});
"""


def terraform(home):
    """init and apply on the S3 backend: two runs, each with a state lock, no provider to download."""
    env = surroundings(home, moto)
    endpoints = f'endpoints = {{ s3 = "{moto.url}", sts = "{moto.url}" }}'
    (home / "main.tf").write_text(
        'terraform {\n  backend "s3" {\n    bucket = "state"\n    key = "s"\n    region = "us-east-1"\n'
        '    workspace_key_prefix = ""\n'
        f"    use_path_style = true\n    use_lockfile = true\n    skip_metadata_api_check = true\n    {endpoints}\n  }}\n}}\n"
        'resource "terraform_data" "x" { input = "1" }\n'
    )
    make = "import boto3; boto3.client('s3').create_bucket(Bucket='state')"
    subprocess.run([BIN / "python", "-c", make], env=env, check=True, capture_output=True)
    for words in (["init", "-input=false"], ["apply", "-auto-approve", "-input=false"]):
        done = subprocess.run(["terraform", *words], env=env, cwd=home, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"terraform {words[0]}: {done.stdout}{done.stderr}")


def diagnosis_reaches_the_user(home):
    """What a client prints of our failure: the first line must stand in it."""
    env = surroundings(home, moto)
    (home / ".aws" / "credentials").write_text("[base]\naws_access_key_id = AKIAQWRONGWRONGWRONG\naws_secret_access_key = x\n")
    done = subprocess.run([BIN / "aws", "sts", "get-caller-identity"], env=env, capture_output=True, text=True, timeout=120)
    if "access-key-unknown" not in done.stderr or "AKIA…RONG" not in done.stderr:
        raise RuntimeError(done.stderr)


moto = Moto()
try:
    node = shutil.which("node")
    case("AWS CLI v1 is the role", (BIN / "aws").exists(), identity([BIN / "aws", "sts", "get-caller-identity"]))
    case("boto3 is the role, on STS and S3", True, identity([BIN / "python", "-c", BOTO3]))
    js_there = node and (SUITE / "node_modules/@aws-sdk/client-sts").is_dir()
    script = SUITE / "identity.cjs"
    script.write_text(JS)
    case("JS SDK v3 is the role", js_there, identity([node, script]))
    case("AWS CLI v1 shows our diagnosis", (BIN / "aws").exists(), diagnosis_reaches_the_user)
    if shutil.which("terraform"):
        case("Terraform inits and applies on the S3 backend", True, terraform)
    else:
        skipped += 1
        print("skipped Terraform: no binary, and no registry that carries one")
finally:
    moto.stop()
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed else 0)
