-- Notes who took a challenge's message, unless the challenge is over: a key made here would have no
-- end.
--
-- KEYS: the challenge.
-- ARGV: the vendor.

if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'vendor', ARGV[1])
end
