-- Stores a challenge and charges it to all counters, or does neither (OTP-03, OTP-07).
--
-- KEYS: the challenge; the owner's list of live ones; the counters.
-- ARGV: now; what challenges' keys begin with; id, purpose, target, owner, device, mac, tries,
-- expiry; life in ms; the most live ones; the counters' caps.
-- Gives 0 and nothing, or which counter is full longest, from 1, and until when.
--
-- The older challenges' keys are found on the way; they share the slot of the others.

local now = tonumber(ARGV[1])
local counters = read_counters(3, 13)

local which, free_at = fullest(counters, now)
if which then
  return { which, text(free_at) }
end
for _, counter in ipairs(counters) do
  record(counter, ARGV[1])
end

-- Newest first. Of the older ones go those that are dead already, the one of the same device and
-- purpose, and whatever is too many.
local live = { ARGV[3] }
for _, id in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
  local older = redis.call('HMGET', ARGV[2] .. id, 'device', 'purpose', 'expires')
  local same = older[1] == ARGV[7] and older[2] == ARGV[4]
  local dead = not older[3] or tonumber(older[3]) <= now
  if same or dead or #live >= tonumber(ARGV[12]) then
    redis.call('DEL', ARGV[2] .. id)
  else
    live[#live + 1] = id
  end
end

-- The list lives as long as the longest of its challenges.
local life = math.max(redis.call('PTTL', KEYS[2]), tonumber(ARGV[11]))
redis.call('DEL', KEYS[2])
redis.call('RPUSH', KEYS[2], unpack(live))
redis.call('PEXPIRE', KEYS[2], text(life))

redis.call('HSET', KEYS[1], 'purpose', ARGV[4], 'target', ARGV[5], 'owner', ARGV[6],
  'device', ARGV[7], 'mac', ARGV[8], 'tries', ARGV[9], 'expires', ARGV[10])
redis.call('PEXPIRE', KEYS[1], ARGV[11])
return { 0, '' }
