-- Takes one event of a moment back from each counter (OTP-07).
--
-- KEYS: the counters. ARGV: the moment.

for _, key in ipairs(KEYS) do
  redis.call('LREM', key, 1, ARGV[1])
end
return 0
