-- Spends an amount of a day's budget, if all of it is left; a negative amount is given back.
--
-- KEYS: the day's total. ARGV: the amount; the budget; life in ms.
-- Gives 1 or 0, and the total as text: Lua's numbers hold millionths exactly up to nine milliards.

local total = tonumber(redis.call('GET', KEYS[1]) or '0')
local after = math.max(total + tonumber(ARGV[1]), 0)
if tonumber(ARGV[1]) > 0 and after > tonumber(ARGV[2]) then
  return { 0, string.format('%.0f', total) }
end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', ARGV[3])
return { 1, string.format('%.0f', after) }
