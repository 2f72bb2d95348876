-- Charges one event to all counters, or to none (LOCK-01).
--
-- KEYS: the counters. ARGV: now; the counters' caps.
-- Gives nothing, or until when one of them is full.

local now = tonumber(ARGV[1])
local counters = read_counters(1, 2)
local which, free_at = fullest(counters, now)
if which then
  return text(free_at)
end
for _, counter in ipairs(counters) do
  record(counter, ARGV[1])
end
return false
