-- Takes a value out.
--
-- KEYS: the name. ARGV: now.
-- Gives the value; nothing if there is none or its life is over.

local held = redis.call('GET', KEYS[1])
if not held then
  return false
end
redis.call('DEL', KEYS[1])
local expires, value = string.match(held, '^(%-?%d+):(.*)$')
if tonumber(expires) <= tonumber(ARGV[1]) then
  return false
end
return value
