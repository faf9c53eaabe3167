"""Lists the buckets, with a service that checks permissions."""
import boto3

print(boto3.client("s3").list_buckets()["Buckets"])
