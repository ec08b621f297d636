#!/bin/sh
# Runs inside the container each time LocalStack is ready.
set -eu
bucket=flocksync
awslocal s3api head-bucket --bucket "$bucket" 2>/dev/null || awslocal s3api create-bucket --bucket "$bucket" --region us-east-1
# Parts of uploads that were killed cost space for ever otherwise. No other rule belongs on a bucket that holds a log.
awslocal s3api put-bucket-lifecycle-configuration --bucket "$bucket" --lifecycle-configuration \
  '{"Rules":[{"ID":"abort-uploads","Status":"Enabled","Filter":{"Prefix":""},"AbortIncompleteMultipartUpload":{"DaysAfterInitiation":7}}]}'
