// Prints the caller's ARN once a second, in one process, for the number of seconds in the argument.
const {STSClient, GetCallerIdentityCommand} = require("@aws-sdk/client-sts");
const client = new STSClient({});
const end = Date.now() + 1000 * Number(process.argv[2]);
(async () => {
  for (;;) {
    console.log((await client.send(new GetCallerIdentityCommand({}))).Arn);
    if (Date.now() >= end) break;
    await new Promise(resolve => setTimeout(resolve, 1000));
  }
})().catch(error => { console.error(error); process.exit(1); });
