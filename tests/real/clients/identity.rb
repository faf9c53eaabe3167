# Prints the caller's ARN once a second, in one process, for the number of seconds in the argument.
require "aws-sdk-core"

$stdout.sync = true
client = Aws::STS::Client.new(endpoint: ENV.fetch("AWS_ENDPOINT_URL"))
finish = Time.now + ARGV[0].to_f
loop do
  puts client.get_caller_identity.arn
  break if Time.now >= finish

  sleep 1
end
