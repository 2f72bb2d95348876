-- Tries a code: the rule domain::credential::code::guess, in one step (OTP-04, OTP-05).
--
-- KEYS: the challenge.
-- ARGV: now; mac; what lists of wrong tries begin with; 1 if a right code stays; the caps on wrong
-- tries.
-- Gives 0 and the target, if there was one, for wrong, 1, the target and the vendor that took the
-- message, if one did, for right, 2 and until when for too many.
--
-- The owner is known only from the challenge; the owner's list shares its slot. The challenge's id
-- stays among the owner's live ones until the next issue finds it dead. Comparing macs plainly
-- tells nothing: they are keyed, and Lua compares strings by address.

local now = tonumber(ARGV[1])
local held = redis.call('HMGET', KEYS[1], 'mac', 'target', 'owner', 'tries', 'expires',
  'vendor')
if not held[1] then
  return { 0, '', '' }
end
local mac, target, owner, tries, expires = unpack(held)

local wrong = read_counter(ARGV[3] .. owner, 5)
local free_at = full_until(wrong, now)
if free_at then
  return { 2, text(free_at), '' }
end

if tonumber(expires) <= now or tonumber(tries) == 0 then
  redis.call('DEL', KEYS[1])
  return { 0, target, '' }
end
if mac == ARGV[2] then
  if ARGV[4] ~= '1' then
    redis.call('DEL', KEYS[1])
  end
  return { 1, target, held[6] or '' }
end
record(wrong, ARGV[1])
if tonumber(tries) == 1 then
  redis.call('DEL', KEYS[1])
else
  redis.call('HINCRBY', KEYS[1], 'tries', -1)
end
return { 0, target, '' }
