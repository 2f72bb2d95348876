-- Replaces the copy of a session, where there is one; its life goes on as it was (SES-04).
--
-- KEYS: the copy. ARGV: the new copy; what stands where copies are kept out.

local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[2] then
  redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL')
end
return 0
