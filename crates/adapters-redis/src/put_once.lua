-- Stores a value under a name that is free, or whose value's life is over.
--
-- KEYS: the name. ARGV: now; the end of the value's life; life in ms; the value.
-- Gives 1 if it is stored, else 0.

local held = redis.call('GET', KEYS[1])
if held and tonumber(string.match(held, '^(%-?%d+):')) > tonumber(ARGV[1]) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2] .. ':' .. ARGV[4], 'PX', ARGV[3])
return 1
