// Who am I, once a second for as many seconds as the argument says, in one process.
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
